"""A VTEX OMS and an ERP that speak real HTTP and can be slow, wrong or dead on demand."""
