"""Texts in encodings that nothing states are read by evidence of language; bad bytes are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import Document, read_document
from app.documents.encodings import as_utf16, by_language
from app.say.errors import NotText


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Zażółć gęślą jaźń, proszę pana. Łódź płynie. " * 20),
        ("iso8859_2", "Zażółć gęślą jaźń, proszę pana. Łódź płynie. " * 20),
        ("cp1252", "The clerk kept the minutes in good order. " * 40 + "Cost: £40 – paid by the trust."),
        ("cp1252", "Båten åkte över sjön, och hålet lagades på måndagen. " * 12),
        (
            "cp1254",
            "Işık evinin bekçisi her gece lambayı yaktı ve denize baktı. Çok güçlü bir fırtına vardı; şehir uzaktı.",
        ),
        ("cp1254", "Öğrenciler dağın üstünde güneşi gördü."),
        ("cp932", "灯台守は毎晩、ランプに火をともした。嵐の夜も、霧の朝も。"),
        ("euc_jp", "灯台守は毎晩、ランプに火をともした。嵐の夜も、霧の朝も。"),
        ("cp932", "議事録の写しを保管すること。"),
        ("euc_jp", "議事録の写しを保管すること。"),
        ("iso2022_jp", "灯台守は毎晩、ランプに火をともした。"),
        ("gb18030", "他说这是我们国家最重要的事情，大家都应该知道。"),
        ("cp950", "他說這是我們國家最重要的事情，大家都應該知道。"),
        ("cp949", "등대지기는 매일 밤 등불을 켰다. 폭풍이 치는 밤에도 그랬다."),
        ("cp1251", "Старый маяк стоит на скале у входа в гавань."),
        ("koi8_r", "Старый маяк стоит на скале у входа в гавань."),
        ("cp866", "Старый маяк стоит на скале у входа в гавань."),
        ("iso8859_5", "Старый маяк стоит на скале у входа в гавань."),
        ("mac_cyrillic", "Старый маяк стоит на скале у входа в гавань."),
        ("cp1251", "Старий маяк стоїть на скелі біля входу в гавань, і його світло видно далеко."),
        (
            "cp1252",
            "Le gardien allume la lampe à la tombée de la nuit ; l’été, c’est très tôt. « Ça va ? » dit-il, près du cœur de l'île.",  # noqa: E501
        ),
        ("cp1252", "Der Wärter zündet die Lampe an – jede Nacht, größer als „früher“."),
        ("cp850", "Der Wärter zündet die Lampe an, jede Nacht, größer als früher. Schöne Grüße."),
        ("cp1252", "¿Quién enciende la lámpara? El señor Núñez, cada mañana según la tradición."),
        ("cp1252", "O faroleiro não acende a lâmpada; a criança está à porta, são três irmãos. Ação e coração."),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy. Světlo bylo vidět daleko."),
        ("cp1250", "Árvíztűrő tükörfúrógép. A világítótorony őre minden este meggyújtotta a lámpát."),
        ("cp1250", "Paznicul farului aprinde lampa în fiecare seară; apoi pleacă şi se întoarce dimineaţa."),
        ("cp1250", "Čuvar svjetionika pali svjetlo svake noći. Šuma i žaba, đak i ćup."),
        ("cp1253", "Ο φάρος στέκεται στον βράχο και το φως του φαίνεται από μακριά."),
        ("cp1255", "המגדלור עומד על הסלע ואורו נראה מרחוק בכל לילה של השנה"),
        ("cp1256", "المنارة القديمة تقف على الصخرة عند مدخل الميناء في كل ليلة"),
        ("cp874", "ประภาคารเก่าตั้งอยู่บนหน้าผาที่ปากอ่าว"),
        ("cp1257", "Švyturio sargas kiekvieną vakarą uždega žibintą ir žiūri į jūrą."),
        ("cp1252", "Vitavörðurinn kveikir á ljósinu á hverju kvöldi og það sést langt út á sjó. Þetta er gott."),
        ("cp1252", "Fyrpasseren tænder lyset hver aften på øen, og så går han hjem."),
        ("cp1252", "Majakanvartija sytyttää valon joka yö. Hän näkee meren."),
        ("cp1252", "The café was closed."),
        ("cp1252", "He said “no” and left — it was John’s."),
        ("cp1252", "It was 20°C and cost £5."),
        ("mac_roman", "He said “no” and left — it was John’s. The café."),
        ("cp1252", "La città è più bella di così, perché c'è già la luce."),
        ("cp1252", "De vuurtorenwachter is geïnteresseerd in één ding: het licht."),
    ],
)
def test_languages_tell_encodings(encoding: str, text: str) -> None:
    guess = by_language(text.encode(encoding))
    assert guess is not None
    assert (guess.text, guess.bad) == (text, 0)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text", ["Der Leuchtturm und die Stadt.", "Старый маяк стоит на скале.", "灯台守は、火をともした。"]
)
def test_utf16_without_a_mark(tmp_path: Path, text: str, encoding: str) -> None:
    document = read(tmp_path, text.encode(encoding))
    assert document.pages[0].text == text
    assert str(document.notes[0]).startswith(f"a.txt is not UTF-8; it was read as {encoding}: “")


def read(folder: Path, data: bytes, name: str = "a.txt", encoding: str | None = None) -> Document:
    (folder / name).write_bytes(data)
    return read_document(folder / name, encoding=encoding)


def test_a_stray_byte_spoils_no_book(tmp_path: Path) -> None:
    text = "A long English book – with dashes and “quotes”. " * 100
    data = text.encode() + b"caf\xe9 closed. " + text.encode()
    document = read(tmp_path, data)
    assert document.pages[0].text == f"{text}caf\ufffd closed. {text}"
    said = "1 byte of a.txt is not UTF-8 and is shown as \ufffd: ““quotes”. caf\ufffd closed. A long "
    assert str(document.notes[0]).startswith(said)
    assert str(read(tmp_path, data + b"\xe9 \xff").notes[0]).startswith("3 bytes of a.txt are not UTF-8")


def test_the_guess_is_said_with_a_sample(tmp_path: Path) -> None:
    document = read(tmp_path, ("Proszę pana. Łódź płynie. " * 8).encode("cp1250"))
    assert str(document.notes[0]) == (
        "a.txt is not UTF-8; it was read as cp1250: “Proszę pana. Łódź płynie. Proszę pana. Łódź płynie. Proszę p”. "
        "If letters look wrong, save it as UTF-8."
    )


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_a_person_can_say_the_encoding(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, b"\xa3 1", name, "cp1250").pages[0].text == "Ł 1"
    assert read(tmp_path, b"\xa3 1", name, "cp1252").pages[0].text == "£ 1"
    document = read(tmp_path, "Ł Ł".encode() + b"\xff", name, "utf-8")
    assert document.pages[0].text == "Ł Ł\ufffd"
    assert "1 byte of" in str(document.notes[0])
    with pytest.raises(NotText, match=rf"no encoding “klingon”. Choose another for {name}, such as cp1252"):
        read(tmp_path, b"text", name, "klingon")


def test_what_a_page_declares_gives_way_to_what_it_is(tmp_path: Path) -> None:
    assert read(tmp_path, "<meta charset=windows-1252><p>Größe</p>".encode(), "a.html").pages[0].text == "Größe"
    japanese = "灯台守は毎晩、ランプに火をともした。" * 4
    data = b"<meta charset=shift_jis><p>" + japanese.encode("cp932") + b"\x81</p>"
    document = read(tmp_path, data, "a.html")
    assert document.pages[0].text.startswith(japanese)
    assert "a.html is not UTF-8; it was read as shift_jis" in str(document.notes[0])


@given(st.binary(min_size=64, max_size=400))
def test_whatever_bytes_are_given_nothing_is_raised(data: bytes) -> None:
    by_language(data)
    as_utf16(data)
