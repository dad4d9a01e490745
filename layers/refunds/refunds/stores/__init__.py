"""The only code that speaks to DynamoDB: one store for what each function needs."""
