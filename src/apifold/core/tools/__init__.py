"""Operations to tools: names, schemas, arguments and where each argument goes."""
