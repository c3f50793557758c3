"""What the customers of a simulated year do with their subscriptions."""

from __future__ import annotations

from tests.journeys.year_model import Person, Year, type_card


async def try_pro(year: Year, person: Person) -> None:
    await _want(year, person, trial=True)


async def subscribe(year: Year, person: Person) -> None:
    await _want(year, person, trial=False)


async def _want(year: Year, person: Person, *, trial: bool) -> None:
    """Try Pro, or have the saved card charged for a plan; a charge that fails is paid by hand at once, or expires."""
    plan = "pro" if trial else year.random.choice(("pro", "enterprise"))
    wanted = {"plan": plan, "interval": year.random.choice(("month", "month", "year")), "trial": trial}
    answer = await year.ask("POST", "/api/subscriptions", json=wanted | {"customer": person.key})
    await year.worker.drain()
    if answer.status_code == 201 and not trial and year.random.random() < 0.5:
        checkout = await year.ask("POST", f"/api/subscriptions/{answer.json()['id']}/pay")
        if checkout.status_code == 200:
            await type_card(year, checkout.json()["url"])


async def stop(year: Year, person: Person) -> None:
    path, _ = await _live(year, person)
    await year.ask("POST", f"{path}/cancel", json={"at_once": True})


async def pause_or_resume(year: Year, person: Person) -> None:
    path, status = await _live(year, person)
    if status == "paused":
        await year.ask("POST", f"{path}/resume")
    else:
        await year.ask("POST", f"{path}/pause", json={"at_once": year.random.random() < 0.5})


async def change(year: Year, person: Person) -> None:
    """Another plan or cycle, now or later. A preview promises what is done."""
    path, _ = await _live(year, person)
    wanted = {
        "plan": year.random.choice(("free", "pro", "pro", "enterprise")),
        "interval": year.random.choice(("month", "month", "year")),
        "at_period_end": year.random.random() < 0.3,
    }
    promised = await year.ask("GET", f"{path}/change", params=wanted)
    done = await year.ask("POST", f"{path}/change", json=wanted)
    assert promised.status_code == done.status_code, (promised.text, done.text)
    if done.status_code == 200:
        assert promised.json()["way"] == done.json()["way"], (promised.text, done.text)
        assert (promised.json()["due_now"] is None) == (done.json()["checkout"] is None), done.text
        if done.json()["checkout"]:
            await type_card(year, done.json()["checkout"]["url"])


async def have_addons(year: Year, person: Person) -> None:
    """So many of the only add-on, none too; refused on every plan but Pro."""
    wanted = {"quantity": year.random.randrange(6)}
    await year.ask("PUT", "/api/addons/extra_agents", params={"customer": person.key}, json=wanted)


async def _live(year: Year, person: Person) -> tuple[str, str]:
    """Where the customer's live subscription is, and its status."""
    live = (await year.ask("GET", "/api/subscription", params={"customer": person.key})).json()
    return f"/api/subscriptions/{live['id']}", live["status"]
