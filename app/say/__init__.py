"""What is said to a person: messages, errors, languages."""
