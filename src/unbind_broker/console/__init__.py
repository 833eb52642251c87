"""The administrators' pages, rendered on the server under ``/console``.

A page is a route, a template and its words:

- Route: ``async def show(visit: AdminVisit) -> Response`` (or ``AuditVisit``), reading
  by ``async with visit.desk.read() as db`` and answering ``visit.page("x.html", …)``.
  Its router has the prefix ``/console/…``, stands in ``routes.ROUTERS``, and has an
  ``Entry`` in ``navigation.ENTRIES`` where the menu leads to it.
- Template: extends ``layout.html``, imports ``macros.html`` as ``ui`` with context,
  says everything by ``t("page.key")``, shows instants and counts by ``show``. No style
  or script inside it: the content security policy refuses both.
- Words: ``words_<page>.py``, both languages per key, joined in ``words.py``.
- Fragment: a route answers ``visit.fragment("x_live.html", …)``; the page includes the
  same template inside ``ui.live(address)``. It renews no login.

An action is ``async def do(visit: AdminVisit, form: Posted) -> Response``: ``Posted``
has checked the token and the origin. The route opens the transaction
(``visit.desk.write()``), calls the verb that the API's route calls, with
``visit.actor``, whose fact thus stands in the audit trail, and answers
``visit.go("/console/x", "x.done")``. What cannot be taken back shows its effect first:
``asks = visit.preview(form, Effect(…))``, and ``return asks`` unless it is None.
"""
