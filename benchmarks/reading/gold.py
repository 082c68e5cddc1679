"""x"""
def table(): return []
