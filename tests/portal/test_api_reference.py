"""The reference shows every operation of the OpenAPI document, and the document says how each may refuse."""

import httpx
from fastapi import FastAPI

from autorisen.portal.api_reference import reference


async def test_the_page_has_every_operation_with_a_call_to_copy(app: FastAPI, client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    page = await client.get("/api/docs", headers={"accept": "text/html"})
    assert page.status_code == 200
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page.text, path
    assert "https://testserver/api/events" in page.text


async def test_every_operation_says_how_it_refuses(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)
            assert "503" in operation["responses"]
            if operation.get("security"):
                assert {"401", "403"} <= set(operation["responses"]), (method, path)


def test_parameters_and_bodies_are_told_in_short_words() -> None:
    document = {
        "paths": {
            "/api/things": {
                "post": {
                    "operationId": "make_thing",
                    "summary": "Make Thing",
                    "description": "Make one.\n\nMore about it.",
                    "tags": ["things"],
                    "security": [{"apiKey": []}],
                    "parameters": [
                        {"name": "at", "in": "query", "schema": {"anyOf": [{"type": "string", "format": "date-time"},
                                                                          {"type": "null"}]}}
                    ],
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
                    },
                    "responses": {"201": {"description": "Made"}},
                }
            }
        },
        "components": {
            "schemas": {
                "Thing": {
                    "required": ["name", "count"],
                    "properties": {
                        "name": {"type": "string", "description": "Its name."},
                        "count": {"type": "integer"},
                        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
                    },
                }
            }
        },
    }  # fmt: skip
    (group,) = reference(document, "https://shop.example")
    (operation,) = group.operations
    assert (operation.title, operation.description, operation.access) == ("Make one.", "More about it.", "API key")
    assert [(each.name, each.place, each.kind, each.required) for each in operation.parameters] == [
        ("at", "query", "date-time", False),
        ("name", "body", "text", True),
        ("count", "body", "integer", True),
        ("tags", "body", "list of one of a, b", False),
    ]
    assert '"count": 1' in operation.curl
    assert '-H "Authorization: Bearer $AUTORISEN_API_KEY"' in operation.curl
    assert operation.curl.startswith("curl -sS -X POST https://shop.example/api/things")
