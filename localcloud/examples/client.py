"""A bucket, a table loaded from it, and the list of models; run it after ``eval "$(localcloud env)"``."""

from google.cloud import aiplatform, bigquery, storage

storage_client = storage.Client()
bucket = storage_client.lookup_bucket("first") or storage_client.create_bucket("first")
bucket.blob("rows.csv").upload_from_string("id,name\n1,one\n2,two\n")

client = bigquery.Client()
client.create_dataset("demo", exists_ok=True)
config = bigquery.LoadJobConfig(
    autodetect=True, source_format="CSV", write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE
)
client.load_table_from_uri("gs://first/rows.csv", "demo.rows", job_config=config).result()
print([dict(row) for row in client.query_and_wait("SELECT * FROM demo.rows ORDER BY id")])

aiplatform.init(project=client.project, location="us-central1")
print(aiplatform.Model.list())
