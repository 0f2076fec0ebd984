"""The talk: scenarios and programs in an order, each with a question, a stop and an answer."""
