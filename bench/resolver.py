"""The least that a function behind the API starts with: the same, a logger, metrics, one route."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from bench.model import Body

logger, metrics = Logger(), Metrics(namespace="bench")
app = APIGatewayHttpResolver(enable_validation=True)


@app.post("/")
def post(body: Body) -> Body:
    return body
