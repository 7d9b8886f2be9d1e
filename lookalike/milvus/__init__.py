"""An index in Milvus: published there in versions behind one name, searched there as one in memory is here."""
