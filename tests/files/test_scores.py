import pytest

from regml.errors import BrokenFileError
from regml.files.scores import read_case_scores

HEAD = "case,patient,site,vendor,split,condition,label,dice,hd95_mm,status\n"


def test_a_row_has_its_metrics_and_an_empty_cell_is_no_value() -> None:
    (row,) = read_case_scores(
        HEAD + "HV-1,P-1,A,V,test,noise,whole,0.912345,,failed:memory\n"
    )
    assert row.metrics == {"dice": 0.912345}
    assert (row.condition, row.status, row.unit) == ("noise", "failed:memory", "P-1")


def test_a_case_without_patient_stands_for_itself() -> None:
    (row,) = read_case_scores(HEAD + "HV-1,,A,V,test,,whole,0.9,1.0,ok\n")
    assert row.unit == "HV-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,dice\nHV-1,0.9\n", "x.csv:1: the column 'patient' is missing"),
        (HEAD + "HV-1,P,A,V,test,,whole,nan,1.0,ok\n", "x.csv:2: dice is 'nan'"),
        (HEAD + "HV-1,P,A,V,test,,whole,high,1.0,ok\n", "x.csv:2: dice is 'high'"),
        (HEAD + "HV-1,P,A\n", "x.csv:2: the row does not have as many values"),
        (HEAD + "a,b,c,d,e,f,g,1,1,ok,more\n", "x.csv:2: the row does not have"),
        ("", "x.csv:1: the column 'case' is missing"),
    ],
)
def test_a_broken_file_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BrokenFileError, match=message.replace("(", "\\(")):
        read_case_scores(text, name="x.csv")
