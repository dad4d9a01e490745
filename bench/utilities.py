"""What a function of this kind starts with when it is written with every Powertools utility.

Imported beside a function's own module, to tell what the product leaves out.
"""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer
from aws_lambda_powertools.utilities.parser import BaseModel, parse
from aws_lambda_powertools.utilities.validation import validate

UTILITIES = (
    Logger(),
    Metrics(namespace="bench"),
    Tracer(),
    BatchProcessor(EventType.SQS),
    DynamoDBPersistenceLayer("bench"),
    boto3.resource("dynamodb").Table("bench"),
    (BaseModel, parse, validate),
)
