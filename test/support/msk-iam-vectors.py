"""Makes msk-iam-vectors.json with botocore, AWS's signer for Python:  pip install botocore && python msk-iam-vectors.py > msk-iam-vectors.json"""
import datetime
import json

import botocore
import botocore.auth as auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CASES = [
    ("ap-southeast-2", "2026-02-01T03:04:05", "AKIDEXAMPLE", "not/a+secret=1", None),
    ("eu-west-1", "2026-12-31T23:59:59", "ASIAEXAMPLE", "not/a+secret=2", "session//+token=="),
]


def url(region, at, access_key, secret_key, session_token):
    auth.get_current_datetime = lambda *_: datetime.datetime.fromisoformat(at)
    request = AWSRequest("GET", f"https://kafka.{region}.amazonaws.com/", params={"Action": "kafka-cluster:Connect"})
    credentials = Credentials(access_key, secret_key, session_token)
    auth.SigV4QueryAuth(credentials, "kafka-cluster", region, expires=900).add_auth(request)
    return request.prepare().url


def vector(region, at, access_key, secret_key, session_token):
    credentials = {"accessKeyId": access_key, "secretAccessKey": secret_key}
    if session_token:
        credentials["sessionToken"] = session_token
    signed = url(region, at, access_key, secret_key, session_token)
    return {"region": region, "at": at + "Z", "credentials": credentials, "url": signed}


print(json.dumps({"botocore": botocore.__version__, "vectors": [vector(*case) for case in CASES]}, indent=2))
