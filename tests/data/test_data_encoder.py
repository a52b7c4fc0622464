"""New rows are encoded as the training rows were, from a saved state too; what does not fit is refused."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from data_files import images, png, write_image_table, write_images, write_npz

from auxin.data import DevicePool, load, make_splits, restore
from auxin.data.encoders.dates import Dates
from auxin.data.encoders.restore import saved
from auxin.errors import DataError

REVIEWS = ["a fine and <br />moving film", "a dull film, dull indeed it is", "moving &amp; fine acting here"]


def table(rows=90):
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "width": draw.normal(size=rows),
            "colour": np.array(["red", "green", "blue"])[np.arange(rows) % 3],
            "flag": np.arange(rows) % 2 == 0,
            "review": [f"{REVIEWS[i % 3]} number{i % 45}" for i in range(rows)],
            "y": np.arange(rows) % 5 % 2,
        }
    )


def loaded(tmp_path, frame=None, **options):
    path = tmp_path / "t.csv"
    (table() if frame is None else frame).to_csv(path, index=False)
    return path, load(path, target="y", **{"text": "review", **options})


def heard(encoder, source):
    said = []
    made = encoder.encode(source, notify=said.append)
    return made, said


def again(encoder):
    return restore(json.loads(json.dumps(encoder.state())))


def test_a_tables_rows_are_encoded_as_they_were(tmp_path):
    path, data = loaded(tmp_path)
    for encoder in (data.encoder, again(data.encoder)):
        (x, blank), said = heard(encoder, path)
        assert x.equal(data.x)
        assert blank is None
        assert said == []
        (part, _), _ = heard(encoder, pd.read_csv(path).iloc[[5, 2]])
        assert part.equal(data.x[[5, 2]])
    assert again(data.encoder).state() == data.encoder.state()


def test_what_is_learned_from_rows_is_learned_from_training_rows_alone(tmp_path):
    frame = table()
    frame.loc[80:, "colour"] = "violet"
    frame.loc[80:, "review"] = "wholly unheard-of vocabulary occurs"
    frame.loc[85, "width"] = np.nan
    _, data = loaded(tmp_path, frame)
    fitted = data.fitted(torch.arange(80))
    _, colour, _, review = fitted.encoder.columns
    assert colour.categories == ("blue", "green", "red")
    assert "film" in review.vocabulary
    assert not {"unheard", "br", "amp"} & set(review.vocabulary)
    assert fitted.encoder.columns[0].gaps is False
    assert bool(fitted.blank[85, 0])
    assert fitted.x.shape == (90, 1 + 3 + 2 + len(review.vocabulary))
    assert not fitted.x[80:, 1:4].any()
    changed = frame.copy()
    changed.loc[80:, ["width", "colour"]] = [99.0, "pink"]
    _, other = loaded(tmp_path, changed)
    assert other.fitted(torch.arange(80)).encoder.state() == fitted.encoder.state()
    more = data.fitted(torch.arange(40), inputs=torch.arange(90))
    assert "violet" in more.encoder.columns[1].categories


def test_text_is_tfidf(tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer

    path, data = loaded(tmp_path)
    review = data.encoder.columns[3]
    plain = [t.replace("<br />", " ").replace("&amp;", "&") for t in pd.read_csv(path)["review"]]
    wanted = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(plain).toarray()
    [(begin, end)] = data.encoder.blocks
    found = data.x[:, begin:end] / review.width**0.5
    assert torch.allclose(found, torch.tensor(wanted).float(), atol=1e-6)
    assert (
        data.notes[-1] == "Text, as TF-IDF of the training rows' 4,000 most frequent words at most: review."
    )


def test_the_words_of_a_text_share_one_scale_and_keep_their_zero(tmp_path):
    _, data = loaded(tmp_path)
    pool = DevicePool(data, torch.arange(60), "cpu")
    [(begin, end)] = data.encoder.blocks
    block = pool.batch(torch.arange(60)).x[:, begin:end]
    assert bool((block[data.x[:60, begin:end] == 0] == 0).all())
    assert float(block.square().mean()) == pytest.approx(1, rel=1e-5)
    assert pool.std[begin:end].unique().numel() == 1
    others = pool.batch(torch.arange(60)).x[:, :begin]
    assert torch.allclose(others.mean(0), torch.zeros(begin), atol=1e-5)


def test_unseen_categories_and_unknown_columns_are_said(tmp_path):
    _, data = loaded(tmp_path, ignore="flag")
    rows = table(4).assign(colour=["red", "mauve", None, "azure"], extra=1).drop(columns=["y", "flag"])
    (x, _), said = heard(data.encoder, rows)
    assert x[:, 1:4].tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert said == [
        "Columns that were not used in training are ignored: extra.",
        "Categories of 'colour' that do not occur in the training rows are treated as missing: 'azure', 'mauve'.",
        "1 missing values of 'colour' are in no category; no training row lacks this value.",
    ]
    with pytest.warns(UserWarning, match=r"azure|lacks this value"):
        data.encoder.encode(rows.drop(columns="extra"))
    assert "'3'" in heard(data.encoder, rows.assign(colour=3))[1][1]  # as in a file of these rows


def test_a_value_that_is_missing_for_the_first_time_is_said(tmp_path):
    _, data = loaded(tmp_path)
    (_, blank), said = heard(data.encoder, table(3).assign(width=[0.5, np.nan, 0.1]))
    assert blank[:, 0].tolist() == [False, True, False]
    assert said == ["1 missing values of 'width' are replaced by its mean; no training row lacks this value."]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: t.drop(columns="colour"),
            ["Columns that the model was trained on are missing", "no colour"],
        ),
        (lambda t: t.rename(columns={"colour": "color"}), ["no colour", "Is 'color' another name"]),
        (lambda t: t.assign(width="wide"), ["'width'", "not numbers"]),
        (lambda t: t.assign(width=np.inf), ["'width'", "finite"]),
        (lambda t: t.iloc[:0], ["no rows"]),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, change, words):
    _, data = loaded(tmp_path)
    with pytest.raises(DataError) as error:
        data.encoder.encode(change(table(5)))
    for word in words:
        assert word in str(error.value)


def test_arrays(tmp_path):
    write_npz(tmp_path / "my.npz")
    data = load(tmp_path / "my.npz", target="y")
    for encoder in (data.encoder, again(data.encoder)):
        assert encoder.encode(tmp_path / "my.npz")[0].equal(data.x)
        assert encoder.encode(data.x[:3])[0].equal(data.x[:3])
    with pytest.raises(DataError, match=r"differ in shape.*\[rows, 4\].*Found \[2, 99\]"):
        data.encoder.encode(np.zeros((2, 99)))


def test_arrays_of_another_type_or_with_gaps():
    pictures = restore({"kind": "arrays", "shape": [1, 4, 4], "dtype": "uint8", "array": None})
    vectors = restore({"kind": "arrays", "shape": [2], "dtype": "float32", "array": None})
    with pytest.raises(DataError, match=r"wrong type.*uint8.*Found float64"):
        pictures.encode(np.zeros((2, 4, 4)))
    assert pictures.encode(np.zeros((2, 4, 4), np.uint8))[0].shape == (2, 1, 4, 4)
    with pytest.raises(DataError, match=r"NaN or infinity"):
        vectors.encode(np.full((1, 2), np.nan))
    with pytest.raises(DataError, match=r"unknown type"):
        restore({"kind": "sounds"})


def test_named_sets_take_arrays_like_theirs():
    data = load("digits")
    assert again(data.encoder).encode(data.x[:2].numpy())[0].equal(data.x[:2])


def test_image_files(tmp_path):
    made = write_images(tmp_path / "p")
    data = load(tmp_path / "p")
    encoder = again(data.encoder)
    assert encoder.encode(tmp_path / "p")[0].equal(data.x)
    file = encoder.files(tmp_path / "p")[7]
    assert encoder.encode(file)[0].equal(data.x[7:8])
    assert encoder.encode([file, file])[0].shape[0] == 2
    assert len(made) == len(data)
    (tmp_path / "big.png").write_bytes(png(images(1, shape=(3, 40, 30))[0]))
    with pytest.raises(DataError, match=r"big\.png differs in size.*16x16.*Found 30x40.*--size"):
        encoder.encode(tmp_path / "big.png")
    assert load(tmp_path / "p", size=20).encoder.encode(tmp_path / "big.png")[0].shape == (1, 3, 20, 20)
    with pytest.raises(DataError, match="no images"):
        encoder.encode([])


def test_image_tables(tmp_path):
    file = write_image_table(tmp_path)
    data = load(file, image="file", target="y")
    assert again(data.encoder).encode(file)[0].equal(data.x)
    with pytest.raises(DataError, match="no column 'file'"):
        data.encoder.encode(pd.DataFrame({"path": ["a.png"]}))


def test_a_seeds_rows_are_encoded_once_and_runs_use_them(tmp_path):
    _, data = loaded(tmp_path)
    splits = make_splits(data, seed=0)
    one, two = data.fitted(splits.train), data.fitted(splits.train)
    assert one.x is two.x
    assert data.fitted(splits.validation).x is not one.x
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.fitted(splits.validation)  # categories that only others have are no news there


@pytest.mark.parametrize(
    "column",
    [
        {"kind": "numbers", "name": "a", "gaps": False, "style": "decimal comma"},
        {"kind": "dates", "name": "a", "form": "%Q", "clock": False, "gaps": False},
        {"kind": "text", "name": "a", "vocabulary": ["b"], "idf": [float("inf")]},
        {"kind": "text", "name": "a", "vocabulary": ["b"], "idf": [1e300]},
        {"kind": "text", "name": "a", "vocabulary": ["b"], "idf": [0.0]},
    ],
)
def test_a_saved_column_with_values_that_no_encoder_writes_is_refused_when_it_is_restored(column) -> None:
    with pytest.raises(ValueError, match=r"way of writing|out of bounds|not JSON compliant"):
        restore({"kind": "table", "columns": [column], "others": [], "encoding": "utf-8"})


def test_rows_in_memory_are_read_as_a_file_of_them(tmp_path):
    size = [*range(20)] * 3
    rows = {
        "size": size,
        "code": ["1", "2", "x"] * 20,
        "share": [f"{k} %" for k in size],
        "y": ["a", "b"] * 30,
    }
    pd.DataFrame(rows).to_csv(tmp_path / "t.csv", index=False)
    encoder = load(tmp_path / "t.csv", target="y").encoder
    new = pd.DataFrame({"size": [1.5, 2.0], "code": [1, 2], "share": ["3 %", "4 %"]})
    for kind in (new, new.astype({"code": "Int64"}), new.astype({"code": float})):
        kind.to_parquet(tmp_path / "new.parquet")
        for source in (kind, tmp_path / "new.parquet"):
            found = encoder.encode(source, refuse)[0]
            assert found[:, 1:].tolist() == [[1, 0, 0, 3], [0, 1, 0, 4]]
    shares = new.assign(share=[0.03, 0.04])  # 3 % and 4 %, or a mean of 3 and 4 hundredths of a per cent
    shares.to_parquet(tmp_path / "new.parquet")
    for source in (shares, tmp_path / "new.parquet"):
        with pytest.raises(DataError, match=r"'share' is not numbers.*the unit %.*0\.03"):
            encoder.encode(source)


def test_categories_and_dates_that_are_missing_for_the_first_time_are_said(tmp_path):
    days = pd.date_range("2024-01-01", periods=60).astype(str)
    pd.DataFrame({"word": ["u", "v"] * 30, "day": days, "y": ["a", "b", "b"] * 20}).to_csv(
        tmp_path / "t.csv", index=False
    )
    encoder, said = load(tmp_path / "t.csv", target="y").encoder, []
    again = restore(saved(encoder))
    again.encode(
        pd.DataFrame({"word": ["u", "", "NA"], "day": [None, "2024-01-02", "2024-01-03"]}), said.append
    )
    assert sorted(said) == [
        "1 missing values of 'day' are replaced by its mean; no training row lacks this value.",
        "2 missing values of 'word' are in no category; no training row lacks this value.",
    ]


def test_a_time_zone_in_new_rows_alone_is_said():
    days = pd.Series(pd.date_range("2024-01-01", periods=9, freq="7h").astype(str), name="at")
    plain, zoned, said = Dates("at").fit(days), Dates("at").fit(days + "+01:00"), []
    assert (plain.zoned, zoned.zoned) == (False, True)
    plain.encode(days, refuse)
    zoned.encode(days + "Z", refuse)
    Dates("at").encode(days + "Z", refuse)  # of a model that does not know
    plain.encode(days + "+02:00", said.append)
    zoned.encode(days, said.append)
    assert said == [
        "Times of 'at' have a time zone, and those of the training rows had none: times without one are taken for UTC.",
        "Times of 'at' have no time zone, and those of the training rows had one: times without one are taken for UTC.",
    ]


def refuse(sentence):
    raise AssertionError(sentence)
