"""An index in Milvus: published there in versions behind one name, and searched there with the same results."""
