"""Run AWS Lambda functions as AWS would: on your machine, in virtual time."""
