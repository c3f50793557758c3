"""An invoice as a document: what it says, what the tax law wants of it, and its PDF.

Part of billing; it has no table. The template is `templates/document.typ`; credit notes are typeset by it as well.
"""
