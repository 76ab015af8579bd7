"""Programs that crash on what comes from outside: blank, undecodable, of another type, or not there."""

from __future__ import annotations

from tests.unit.offline.boundary_texts import (
    AGE,
    CALLS,
    CELLS,
    COLLECTED,
    COUNTED,
    DUE,
    FEEDS,
    FIRST,
    LAST,
    LOOP,
    MARKED,
    NEWEST,
    NOTES,
    NUMBERS,
    OPTION,
    PORT,
    SCORES,
    SETTINGS,
    SKIPPED,
    TRIED,
    UNTRIED,
    WEIGHT,
    WORDS,
)
from tests.unit.offline.changed_texts import (
    BY_DATE,
    CACHE,
    DAYS,
    LABEL,
    LINES,
    LOADED,
    MOVED,
    PARSED,
    SHEET,
    VERBOSE,
)
from tests.unit.offline.program import Program, changed

MENDED = (
    Program("blank_date_of_a_field", DUE, result=["2026-03-02", "None"], rule="blank_text"),
    Program("blank_number_with_a_documented_result", WEIGHT, result=[1500, None], rule="blank_text"),
    Program("empty_json", SETTINGS, result=[["a", "b"], []], rule="blank_text"),
    Program("environment_variable_as_a_number", PORT, result=10, rule="text_for_number"),
    Program("option_without_a_type", OPTION, result=["a", "b"], rule="text_for_number"),
    Program("cell_that_is_converted_elsewhere", CELLS, result=[3, True], rule="text_for_number"),
    Program("none_among_scores", SCORES, result=5, rule="none_among_values"),
    Program("local_that_is_asked_for_none", FIRST, result=["d1", "none"], rule="unset_local"),
    Program("local_that_is_documented_none", LAST, result=["E1", None], rule="unset_local"),
    Program("sum_without_a_start", WORDS, result=3, rule="unset_local"),
    Program("counter_of_the_module", CALLS, result=[2, 3], rule="unset_local"),
    Program("file_that_is_written_as_latin_1", NOTES, result="café", rule="wrong_encoding"),
    Program("byte_order_mark", MARKED, result="shop", rule="wrong_encoding"),
    changed(
        "handler_of_this_function",
        AGE,
        (TRIED, UNTRIED),
        result=[4, None],
        rule="restored_handler",
    ),
    changed(
        "handler_of_a_caller",
        FEEDS,
        (SKIPPED, "            items += read(text)\n"),
        result=([1], 1),
        rule="restored_handler",
    ),
    changed(
        "condition_lost_on_the_way_to_a_comprehension",
        NUMBERS,
        (LOOP, COLLECTED),
        result=[1, 2],
        rule="restored_filter",
    ),
    changed(
        "key_of_a_sort",
        NEWEST,
        ('rows, key=lambda row: row["at"], reverse', "rows, reverse"),
        result=[2, 1],
        rule="restored_argument",
    ),
    changed(
        "conversion_of_a_cell",
        COUNTED,
        ('int(row["spare"])', 'row["spare"]'),
        result=3,
        rule="restored_default",
    ),
    Program("dictionary_that_shrinks", CACHE, result={"b": 1}, rule="changed_while_walked"),
    changed(
        "default_of_a_pop",
        VERBOSE,
        ('"verbose", 0', '"verbose"'),
        result=({"a": 1}, 0),
        rule="restored_argument",
    ),
    changed(
        "order_that_knew_none",
        BY_DATE,
        ('lambda task: (task is None, task or "")', "lambda task: task"),
        result=["2026-01-01", "2026-01-02", None],
        rule="restored_argument",
    ),
    changed(
        "conversion_to_a_text",
        LABEL,
        ('str(order["number"])', 'order["number"]'),
        result="order 4, Ada",
        rule="restored_default",
    ),
    changed(
        "blank_that_was_zero_before",
        SHEET,
        (" or 0", ""),
        result=[2, 0],
        rule="restored_default",
    ),
    changed("start_that_was_one", LINES, ("        number = 1\n", ""), result=3, rule="restored_start"),
)

LEFT_ALONE = (
    Program("date_that_is_no_date", DUE.replace('"due": ""', '"due": "soon"')),
    Program("date_that_must_be_there", DUE.replace("date | None = None", "date")),
    Program("blank_without_a_meaning", WEIGHT.replace("; None if it is blank", "")),
    Program("meaning_of_another_case", SETTINGS.replace(", {} when there is nothing", "; [] for no rights")),
    Program("text_without_a_numeric_default", PORT.replace(", 5)", ', "5")')),
    Program("cell_that_nobody_converts", CELLS.replace('int(row["pieces"])', 'len(row["pieces"])')),
    Program(
        "text_that_is_put_together",
        CELLS.replace('row["pieces"] >= wanted', '"of " + row["pieces"] + wanted'),
    ),
    Program("scores_that_count_elsewhere", SCORES.replace(' if row["score"] is not None', "")),
    Program("order_with_none", SCORES.replace("max(", "sorted(").replace("[0]", "")),
    Program("local_of_a_caught_failure", FIRST.replace("if found is None", 'if found["name"] == ""')),
    Program(
        "sum_of_unknown_kind",
        WORDS.replace("len(line.split())", "line.weight").replace('"a b"', "type('L', (), {'weight': 2})()"),
    ),
    Program(
        "sum_of_each_group",
        WORDS.replace(
            "for line in lines:\n            if line:", "for line in lines:\n            for line in [line]:"
        ),
    ),
    Program(
        "file_of_another_name", NOTES.replace("NOTES.write_text", "(NOTES).with_name('notes.txt').write_text")
    ),
    Program(
        "bytes_of_unknown_origin",
        NOTES.replace('write_text(text, encoding="latin-1")', 'write_bytes(text.encode("latin-1"))'),
    ),
    changed(
        "handler_of_everything",
        AGE.replace("except ValueError", "except Exception"),
        (TRIED.replace("ValueError", "Exception"), UNTRIED),
    ),
    changed(
        "handler_of_another_failure",
        AGE.replace("except ValueError", "except KeyError"),
        (TRIED.replace("ValueError", "KeyError"), UNTRIED),
    ),
    changed(
        "condition_that_held",
        NUMBERS.replace("if cell:", "if cell is not None:"),
        (LOOP.replace("if cell:", "if cell is not None:"), COLLECTED),
    ),
    changed(
        "argument_that_answers_for_nothing",
        NEWEST,
        ('rows, key=lambda row: row["at"], reverse=True', 'rows, key=lambda row: row["when"]'),
    ),
    Program("field_whose_reader_cannot_do_without", DAYS),
    Program("dictionary_that_another_loop_changes", CACHE.replace("del ages[key]", "ages.update(x=1)")),
    changed(
        "handler_that_moved_to_the_caller",
        PARSED,
        (
            "        try:\n            return float(text)\n        except ValueError:\n            return None\n",
            "        return float(text)\n",
        ),
        ("        return sum(amount(text) or 0 for text in texts)\n", MOVED),
    ),
    Program("local_of_a_failed_attempt", LOADED),
)
