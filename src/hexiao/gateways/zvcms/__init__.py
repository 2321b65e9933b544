"""zvcms v2 (智迈, later 企迈), both as a server and as a client."""
