"""Words that may stay in descriptions and codes, because they name nobody.

Everything else goes: a surname cannot be told from an unknown word.
"""

import re

DESCRIPTION_WORDS = frozenset(
    """
    2d 3d 4d ac adc anatomical and angio anterior art asl ax axial bias bilateral
    blade blood body bold bone bottom brain bravo breast by cardiac cerebellum
    cerebral cervical chest chin coil contrast control cor coronal corrected csf ct
    cube cube3d delay deriv derived diff diffusion dir distortion dixon dti dual dwi
    dynamic dynamics early echo epi ett ex eye fa fast fat fatsat feet ffe fid field
    filter filtered first fl flair flash flow fse fspgr gad gadolinium ge gradient
    gre grase haste head high hippocampal hippocampi hippocampus hr hz image images
    in inversion inv ir isotropic iso knee lat late left leg liver loc localiser
    localizer long low lower lumbar lung mag magnitude map maps mask mb medial
    medium mip mm motion mp mp2rage mpr mprage mr mra mri ms mt multi multiband
    navigator neck neuro no none normal ns obl oblique of on out pa pc pd pelvis
    perfusion phantom phase philips pituitary plain plane post posterior pre presat
    prescan primary processed proton qc quick radial ras reconstruction recon
    reformat reformatted reg registered resolution rest retro rf right roi routine
    sag sagittal scan scanogram scout se seg segmentation segmentations sense
    sequence series setup shoulder short side single slab slice slow soft space
    spair spe spgr spin spine spiral spir standard std stir structural study sub
    subtraction supine survey susceptibility swi t1 t1w t2 t2w ta te temporal tfe
    tfl thick thin thorax three ti tir tissue tof top tr tra trace transversal
    transverse trufi tse turbo two unspecified upper volume vibe view water weighted
    whole with without window level abdomen wide narrow hu us od bqml normalized
    signal intensity arbitrary unit units cca ca1 ca2 ca3 ca4 subiculum dentate
    fornix amygdala background foreground label lesion tumor tumour edema oedema
    vessel nodule kidney spleen heart aorta channel channels array surface
    quadrature matrix flex element elements h1 1h 31p 13c 23na 19f
    """.split()  # noqa: SIM905 - a block of words reads better than a list of literals
)
"""Words of protocol, series and segment descriptions, lower case."""

EQUIPMENT_WORDS = frozenset(
    """
    siemens healthineers ge general electric medical systems healthcare philips
    canon toshiba hitachi fujifilm fuji united imaging uih shimadzu bruker esaote
    neusoft mindray samsung hologic agfa kodak carestream company corporation mec
    mr3 tech technologies achieva ingenia elition ambition intera gyroscan panorama
    prodiva multiva ingenuity magnetom aera altea amira allegra avanto avantofit
    espree essenza harmony lumina mmr prisma prismafit free skyra skyrafit sola
    sonata sempra spectra symphony terra trio triotim verio vida vision concerto
    cima biograph signa excite hdx hdxt hde hdi artist architect explorer hero
    pioneer premier voyager creator discovery mr450 mr450w mr750 mr750w optima mr360
    brivo genesis infinity echospeed horizon twinspeed lx cvi genesisct vantage
    titan galan orian elan fortian excelart atlas echelon oval oasis airis apto
    trillium altaire smart umr lightspeed ultra revolution somatom definition
    sensation emotion brilliance ict aquilion asteion vct hispeed qxi rhapsode fit
    dstream prisma_fit workstation highdicom pydicom dcmtk itk slicer qiicr ultr offis
    sonosite inc ltd gmbh
    """.split()  # noqa: SIM905 - as above
)
"""Words of manufacturers and of the names of their scanners, lower case."""

CODE_WORDS = frozenset(
    """
    original derived primary secondary axial localizer other norm dis2d dis3d phase
    magnitude real imaginary imag mixed magn mean mosaic volume volumetric sampled
    none quantitative resampled reformatted distorted undistorted fmri perfusion
    diffusion subtraction projection reconstructed image only water fat echo
    combined single multi monochrome1 monochrome2 palette color rgb hsv argb cmyk
    ybr full partial 420 422 ict rct supine prone decubitus hfs hfp hfdr hfdl ffs
    ffp ffdr ffdl lfp lfs male female modified unmodified removed true false lossy
    lossless iso 10918 14495 15444 13818 acquired constant linear exact sigmoid
    identity density surface lut plane binary fractional labelmap probability
    occupancy manual semiautomatic automatic segmentation segment undefined tiled
    sparse rowmajor three four dimension dimensions stack temporal dynamic
    sequential interleaved gradient spin inversion recovery steady state spoiled
    prep conventional research saturation magnetization transfer spectral frequency
    gated rectilinear radial spiral ellipsoidal segmented forward reverse centric
    rectangular square circular hexagonal filter compensation respiratory cardiac
    flow presat fatsat suppress unsuppressed isotropic directional bmatrix
    integrated quadrature array coil body head phased solenoid birdcage helmholtz
    unpaired left right both bilateral anterior posterior brain neck chest abdomen
    pelvis spine cspine tspine lspine sspine skull hippocampus extremity arm leg
    knee hip foot ankle hand wrist elbow shoulder heart liver kidney breast prostate
    bladder uterus thorax wholebody lung eye orbit ear jaw maxilla clavicle pancreas
    spleen aorta row frame axis increasing decreasing quality control standard time
    tissue unit units counts bqml bqcc gml cps attenuation corrected decay emission
    transmission start admin static whole scatter random randoms trig helical cine
    scout large small medium fluoro computed angio calibration closed planar open
    point anteroposterior beam external photon electron proton plan dose gray
    relative physical effective patient dvh normal continuous stop fast gems seqvar
    options rflow pfp pfpc pfpf segk sat1 sat2 irsat flowcomp iops tagging volunteer
    fixed variable human phantom animal rtstruct rtplan rtdose rtimage rtrecord
    rtintent rtrad rtsegann rtss presentation measurement registration modality
    """.split()  # noqa: SIM905 - as above
)
"""Parts of the coded strings (VR CS) of the standard, lower case."""

QUALIFICATION_WORDS = frozenset(
    """
    and anatomist annotator assistant board certified clinical consultant doctor
    fellow imaging in md medical neuroanatomist neurologist neuroradiologist
    neuroscientist of phd physician physicist radiographer radiologist rater reader
    research resident senior junior source specialist student technologist trained
    training trainee
    """.split()  # noqa: SIM905 - as above
)
"""Words of what a reader is qualified as, lower case."""

OWN_WORDS = frozenset(
    """
    regml removed unknown other modified basic application confidentiality profile
    option clean descriptors retain longitudinal temporal information dates patient
    characteristics keyed pseudonyms site reader ps3 annex
    """.split()  # noqa: SIM905 - as above
)
"""Words that we write ourselves, lower case."""

CODING_SCHEMES = frozenset(
    """
    DCM SCT SRT SNM3 UCUM LN FMA NCIt RADLEX UMLS MA ICD10 ICD9
    """.split()  # noqa: SIM905 - as above
)
"""Public coding schemes; the meaning of a code of another one is nobody's to check."""

SHORT_CODE = 3
"""Parts of a coded string up to this length always stay, in characters."""

_PART = re.compile(r"[a-z]+|[0-9]+")
_WORD = re.compile(r"[^\W_]+")


def known_words(extra: tuple[str, ...] = ()) -> frozenset[str]:
    """Return all words that may stay in a description."""
    more = (word.casefold() for line in extra for word in _WORD.findall(line))
    return DESCRIPTION_WORDS | EQUIPMENT_WORDS | frozenset(more)


def cleaned(text: str, words: frozenset[str], names: frozenset[str]) -> str:
    """Return what may stay of a description.

    Args:
        text: The description.
        words: The vocabulary, lower case.
        names: Words that go even so, because they name the patient.

    Returns:
        The text itself when all its words may stay, else those that may.
    """
    found = _WORD.findall(text)
    kept = [word for word in found if _stays(word.casefold(), words, names)]
    if len(kept) == len(found) and text.isascii():
        return text
    return "" if all(word.isdigit() for word in kept) else " ".join(kept)


def is_code(value: str, names: frozenset[str]) -> bool:
    """Tell whether a coded string consists of parts that stand for themselves."""
    if not value.isascii():
        return False
    for token in re.split(r"[ _]", value.casefold()):
        if len(token) <= SHORT_CODE:
            continue
        if token in names:
            return False
        if token in CODE_WORDS:
            continue
        parts = _PART.findall(token)
        if "".join(parts) != token or not all(
            len(part) <= SHORT_CODE or part in CODE_WORDS for part in parts
        ):
            return False
    return True


def _stays(word: str, words: frozenset[str], names: frozenset[str]) -> bool:
    """Tell whether one word of a description may stay; up to two digits may."""
    if word in names:
        return False
    return word in words or (word.isascii() and word.isdigit() and len(word) <= 2)
