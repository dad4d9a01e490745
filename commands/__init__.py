"""The operator's commands. They speak to the API alone, wherever the product is deployed."""
