"""The bridge to the systems that know orders: plain Python, no Django, no database."""
