"""Deploy an endpoint, call it, take it down.

It talks to the account that the environment names. On this machine, without an account:

    lbsls local > environ &          # in the folder of lbsls.toml
    . ./environ
    python deploy.py

With an account: push an image with app.py, write its name below, and export RUNPOD_API_KEY.
"""

import lbsls

SHOUT = lbsls.LoadBalancerSlsResource(
    name="shout-by-script",
    imageName="me/shout:1",
    workersMin=0,
    workersMax=2,
    env={"NAME": "you"},
)


def main() -> None:
    """Do all three; the endpoint is taken down whatever happens."""
    with lbsls.Account.from_env(project="examples") as account:
        try:
            endpoint = account.deploy(SHOUT, on_event=print)
            answer = endpoint.post("/", json={"text": "hello"}).raise_for_status()
            print(f"answer: {answer.json()['text']}")
        finally:
            account.undeploy(SHOUT)
            print("undeployed")


if __name__ == "__main__":
    main()
