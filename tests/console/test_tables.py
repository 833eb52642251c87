"""Tables tell each cell its column, for windows too narrow for columns."""

import re

from markupsafe import Markup

from tests.console.scene import Console
from tests.console.trouble import make_trouble
from unbind_broker.console.navigation import ENTRIES
from unbind_broker.console.tables import stacked

_ROW = re.compile(r'<tr role="row">(.*?)</tr>', re.DOTALL)
_HEAD = re.compile(r'role="columnheader">(.*?)</th>')
_LABEL = re.compile(r'data-label="(.*?)"')


def test_cells_are_told_their_columns_row_by_row() -> None:
    rows = Markup('<tr><th scope="row">a</th><td class="b">c</td></tr>') * 2
    told = (
        '<tr role="row">'
        '<th role="rowheader" data-label="cell" scope="row">a</th>'
        '<td role="cell" data-label="&lt;Two&gt;" class="b">c</td></tr>'
    )
    assert stacked(rows, ["cell", "<Two>"]) == told * 2


def test_text_that_looks_like_a_cell_is_none() -> None:
    rows = Markup("<tr><td>{}</td></tr>").format("<td>")
    assert stacked(rows, ["One"]).count("data-label") == 1


async def test_every_row_has_a_cell_for_each_column(console: Console) -> None:
    async with console.engine.begin() as db:
        await make_trouble(db, console.clock.now())
    await console.sign_in()
    tables = 0
    for entry in ENTRIES:
        text = (await console.get(entry.address)).text
        for table in text.split('<table role="table">')[1:]:
            head, *rows = _ROW.findall(table.partition("</table>")[0])
            tables += 1
            for row in rows:
                assert _LABEL.findall(row) == _HEAD.findall(head), entry.address
    assert tables > 5
