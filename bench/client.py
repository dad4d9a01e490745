"""The least that a function which speaks to DynamoDB starts with: a client of boto3."""

import boto3

CLIENT = boto3.client("dynamodb")
