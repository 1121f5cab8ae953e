"""The Storage Read API: rows of tables as streams of Arrow or Avro."""
