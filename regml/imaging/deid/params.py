"""What ``params.yaml`` may say in section ``deidentify``."""

from pydantic import Field

from regml.items.base import Line, Strict


class DeidentifyParams(Strict):
    """Section ``deidentify``; the first four are options of PS3.15 E.3.

    Attributes:
        shift_dates: Keep dates, moved by a secret number of days per patient
            (Retain Longitudinal Temporal Information with Modified Dates).
        retain_patient_characteristics: Keep age (at most 89), sex, size and weight.
        clean_descriptors: Keep the words of descriptions that are in the vocabulary.
        extra_words: Words to add to that vocabulary; upper and lower case are one.
        keep_documents: Keep reports, emptied of their content, instead of putting
            them into quarantine.
        quarantine_limit: Largest share of files in quarantine that is accepted,
            0 to 1, inclusive.
        jobs: How many patients are worked on at a time; -1 for all cores.
    """

    shift_dates: bool = True
    retain_patient_characteristics: bool = True
    clean_descriptors: bool = True
    extra_words: tuple[Line, ...] = ()
    keep_documents: bool = False
    quarantine_limit: float = Field(default=0.1, ge=0, le=1)
    jobs: int = 1
