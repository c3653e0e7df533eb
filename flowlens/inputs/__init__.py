"""Where bytes come from: files, S3, CloudWatch, a store."""
