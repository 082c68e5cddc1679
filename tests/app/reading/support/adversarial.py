"""Sentences that a text says, and sentences changed so that it no longer does, by kind of change.

Written before the check was tuned, in two halves: DEVELOPMENT is for tuning, HELD_OUT only for the figure. Each text
is a paragraph of prose with two lists: what it says in other or fewer words, and (kind, sentence) of what it does not.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """A text, sentences that it supports, and pairs of a kind of change and a sentence that it does not support."""

    text: str
    supported: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]


DEVELOPMENT = (
    Case(
        """Every package must have exactly one maintainer, who may be a person or a group. The maintainer should answer
        serious bug reports within 14 days, and must not close a report before the fix has been uploaded. If a package
        has been without a maintainer for 6 months, the quality team may remove it from the next release. Packages in
        the base system are never removed without a discussion on the mailing list. Since 2009, uploads have to be
        signed with a key of at least 2048 bits.""",
        (
            "Every package must have exactly one maintainer.",
            "The maintainer may be a person or a group.",
            "Serious bug reports should be answered by the maintainer within 14 days.",
            "A report must not be closed before the fix has been uploaded.",
            "The quality team may remove a package that has been without a maintainer for 6 months.",
            "Packages in the base system are never removed without a discussion.",
            "Uploads have to be signed with a key of at least 2048 bits since 2009.",
            "The maintainer should answer serious bug reports within 14 days, and must not close a report before the "
            "fix has been uploaded.",
        ),
        (
            ("modality", "Every package may have exactly one maintainer."),
            ("number", "Every package must have exactly two maintainers."),
            (
                "negation",
                "The maintainer should answer serious bug reports within 14 days, and must close a report "
                "before the fix has been uploaded.",
            ),
            ("modality", "The maintainer must answer serious bug reports within 14 days."),
            ("unit", "The maintainer should answer serious bug reports within 14 hours."),
            ("number", "If a package has been without a maintainer for 14 months, the quality team may remove it."),
            ("negation", "Packages in the base system are removed without a discussion on the mailing list."),
            ("negation", "A report must not be closed after the fix has been uploaded."),
            ("number", "Since 2009, uploads have to be signed with a key of at least 4096 bits."),
            ("negation", "Since 2009, uploads have to be signed with a key of at most 2048 bits."),
        ),
    ),
    Case(
        """The lighthouse of Skarvholm was built in 1874 by the engineer Anders Lund, and Marit Lund kept its journal
        until 1901. The tower is 31 metres high and its lamp can be seen from 18 nautical miles away. In the winter of
        1889 Marit rescued the captain of the Hesperus, who later sent her a clock from Glasgow. Most of the keepers
        left the island after the storm of 1921. The lamp was converted from oil to electricity in 1934, and the last
        keeper retired in 1968.""",
        (
            "The lighthouse of Skarvholm was built by Anders Lund in 1874.",
            "Marit Lund kept the journal of the lighthouse until 1901.",
            "The tower is 31 metres high.",
            "The lamp of the tower can be seen from 18 nautical miles away.",
            "In the winter of 1889 Marit rescued the captain of the Hesperus.",
            "The captain of the Hesperus later sent Marit a clock from Glasgow.",
            "Most of the keepers left the island after the storm of 1921.",
            "In 1934 the lamp was converted from oil to electricity.",
            "The last keeper retired in 1968.",
        ),
        (
            ("name", "The lighthouse of Skarvholm was built in 1874 by the engineer Marit Lund."),
            ("number", "The lighthouse of Skarvholm was built in 1901 by the engineer Anders Lund."),
            ("name", "The lighthouse of Utsira was built in 1874 by the engineer Anders Lund."),
            ("unit", "The tower is 31 feet high and its lamp can be seen from 18 nautical miles away."),
            ("number", "The tower is 18 metres high and its lamp can be seen from 31 nautical miles away."),
            ("roles", "In the winter of 1889 the captain of the Hesperus rescued Marit."),
            ("quantifier", "All of the keepers left the island after the storm of 1921."),
            ("negation", "Most of the keepers left the island before the storm of 1921."),
            ("roles", "The lamp was converted from electricity to oil in 1934."),
            ("negation", "The first keeper retired in 1968."),
        ),
    ),
    Case(
        """The cache stores at most 512 MB of decoded images in memory and 4 GB on disk. When the memory is full, the
        oldest entries are written to disk, unless the option --no-spill is set. The server compresses responses larger
        than 16 KB; the client can disable this with a header. Requests without a valid token are rejected with status
        403. Tokens expire after 30 minutes, and a user may hold up to 5 of them. The proxy forwards every request to
        the server, but the server never contacts the proxy directly.""",
        (
            "At most 512 MB of decoded images are stored in memory by the cache.",
            "The cache stores 512 MB of images in memory and 4 GB on disk.",
            "The oldest entries are written to disk when the memory is full, unless --no-spill is set.",
            "Responses larger than 16 KB are compressed by the server.",
            "Requests without a valid token are rejected.",
            "Tokens expire after 30 minutes.",
            "A user may hold up to 5 tokens, which expire after 30 minutes.",
            "The proxy forwards every request to the server.",
            "The server never contacts the proxy.",
        ),
        (
            ("number", "The cache stores at most 4 MB of decoded images in memory and 512 GB on disk."),
            ("unit", "The cache stores at most 512 GB of decoded images in memory."),
            ("negation", "When the memory is full, the newest entries are written to disk."),
            (
                "negation",
                "When the memory is full, the oldest entries are written to disk if the option --no-spill is set.",
            ),
            ("roles", "The client compresses responses larger than 16 KB; the server can disable this with a header."),
            ("negation", "The server compresses responses smaller than 16 KB."),
            ("negation", "Requests with a valid token are rejected with status 403."),
            ("number", "Tokens expire after 5 minutes, and a user may hold up to 30 of them."),
            ("roles", "The server forwards every request to the proxy."),
            ("negation", "The server contacts the proxy directly."),
            ("quantifier", "The proxy forwards some requests to the server."),
        ),
    ),
    Case(
        """In the trial, 240 patients received the drug and 120 received a placebo. Blood pressure fell by 12 percent in
        the first group and by 3 percent in the second. The drug must be taken before meals, and patients with kidney
        disease should not take it. Side effects were rare: only 4 patients reported headaches, and none reported
        nausea. Dr. Okafor, who led the study in Lagos, says that the result does not prove that the drug prevents
        strokes. A larger trial in Nairobi will start in March.""",
        (
            "In the trial 240 patients received the drug.",
            "The drug was received by 240 patients and a placebo by 120.",
            "Blood pressure fell by 12 percent in the first group.",
            "The drug must be taken before meals.",
            "Patients with kidney disease should not take the drug.",
            "Side effects were rare, and only 4 patients reported headaches.",
            "According to Dr. Okafor, the result does not prove that the drug prevents strokes.",
            "A larger trial will start in Nairobi in March.",
        ),
        (
            ("number", "In the trial, 120 patients received the drug and 240 received a placebo."),
            ("number", "Blood pressure fell by 3 percent in the first group and by 12 percent in the second."),
            ("negation", "Blood pressure rose by 12 percent in the first group."),
            ("negation", "The drug must be taken after meals."),
            ("negation", "Patients with kidney disease should take it."),
            ("negation", "Patients without kidney disease should not take it."),
            ("number", "Side effects were rare: only 40 patients reported headaches."),
            ("name", "Dr. Okafor led the study in Nairobi."),
            ("negation", "Dr. Okafor says that the result proves that the drug prevents strokes."),
            ("name", "A larger trial in Lagos will start in March."),
            ("name", "A larger trial in Nairobi will start in May."),
        ),
    ),
)

HELD_OUT = (
    Case(
        """Configuration files must be placed in /etc, and a package must not overwrite changes made by the
        administrator during an upgrade. A maintainer script may ask questions only through debconf. Scripts should
        exit with status 0 on success, and with any other status on failure. Files larger than 100 KB should be
        compressed with xz, which replaced gzip in 2013. Temporary files must be deleted when the script ends. At boot,
        the init system starts every enabled service within 90 seconds or reports it as failed.""",
        (
            "Configuration files must be placed in /etc.",
            "During an upgrade a package must not overwrite changes made by the administrator.",
            "A maintainer script may only ask questions through debconf.",
            "On success scripts should exit with status 0.",
            "Files larger than 100 KB should be compressed with xz.",
            "In 2013 gzip was replaced by xz.",
            "When the script ends, temporary files must be deleted.",
            "The init system starts every enabled service at boot.",
        ),
        (
            ("modality", "Configuration files may be placed in /etc."),
            ("name", "Configuration files must be placed in /usr."),
            ("negation", "A package must overwrite changes made by the administrator during an upgrade."),
            ("negation", "A maintainer script may not ask questions through debconf."),
            ("number", "Scripts should exit with status 1 on success."),
            ("modality", "Scripts must exit with status 0 on success."),
            ("roles", "Files should be compressed with gzip, which replaced xz in 2013."),
            ("unit", "Files larger than 100 MB should be compressed with xz."),
            ("negation", "Temporary files must be deleted when the script begins."),
            ("negation", "At boot, the init system starts every disabled service within 90 seconds."),
            ("unit", "At boot, the init system starts every enabled service within 90 minutes."),
        ),
    ),
    Case(
        """Clara Weiss founded the Orion press in Leipzig in 1926 together with her brother Emil. Emil printed the books
        and Clara chose the authors. Their first success was a novel by Ruth Adler, which sold 40,000 copies in 3 years.
        In 1933 some of their authors fled to Prague, and Clara followed them in 1936. Emil stayed in Leipzig and sold
        the press to Hahn for 9,000 marks. After the war the archive was moved from Prague to London, where it is open
        to all readers without a fee.""",
        (
            "The Orion press was founded in Leipzig by Clara Weiss in 1926.",
            "Clara chose the authors and Emil printed the books.",
            "Their first success was a novel by Ruth Adler.",
            "A novel by Ruth Adler sold 40,000 copies in 3 years.",
            "Some of their authors fled to Prague in 1933.",
            "Emil sold the press to Hahn for 9,000 marks.",
            "The archive was moved from Prague to London after the war.",
            "In London the archive is open to all readers.",
        ),
        (
            ("name", "Ruth Adler founded the Orion press in Leipzig in 1926."),
            ("number", "Clara Weiss founded the Orion press in Leipzig in 1936."),
            ("roles", "Clara printed the books and Emil chose the authors."),
            ("number", "Their first success was a novel by Ruth Adler, which sold 9,000 copies in 3 years."),
            ("unit", "The novel by Ruth Adler sold 40,000 copies in 3 months."),
            ("quantifier", "In 1933 all of their authors fled to Prague."),
            ("name", "Emil stayed in Dresden and sold the press to Hahn for 9,000 marks."),
            ("roles", "Hahn sold the press to Emil for 9,000 marks."),
            ("roles", "After the war the archive was moved from London to Prague."),
            ("negation", "Before the war the archive was moved from Prague to London."),
            ("negation", "The archive is not open to readers."),
            ("quantifier", "The archive is open to some readers without a fee."),
        ),
    ),
    Case(
        """The model was trained for 20 epochs on 8 GPUs with a learning rate of 0.001. The encoder passes its output to
        the decoder, and the decoder attends to all positions. Dropout increased accuracy on the small data set by 2.5
        points but decreased it on the large one. We do not use labels during pretraining. Inference takes 35 ms per
        image on a phone and 4 ms on a server. The weights may be used for research, but they cannot be sold. Batch
        normalisation is required in the encoder and optional in the decoder.""",
        (
            "The model was trained on 8 GPUs for 20 epochs.",
            "The learning rate of the model was 0.001.",
            "The encoder passes its output to the decoder.",
            "On the small data set accuracy was increased by dropout.",
            "Labels are not used during pretraining.",
            "Inference takes 35 ms per image on a phone.",
            "The weights may be used for research.",
            "Batch normalisation is required in the encoder.",
        ),
        (
            ("number", "The model was trained for 8 epochs on 20 GPUs."),
            ("number", "The model was trained for 20 epochs on 8 GPUs with a learning rate of 0.01."),
            ("roles", "The decoder passes its output to the encoder."),
            ("negation", "Dropout decreased accuracy on the small data set by 2.5 points."),
            ("number", "Dropout increased accuracy on the small data set by 25 points."),
            ("negation", "We use labels during pretraining."),
            ("unit", "Inference takes 35 seconds per image on a phone."),
            ("number", "Inference takes 4 ms per image on a phone and 35 ms on a server."),
            ("negation", "The weights may not be used for research."),
            ("negation", "The weights may be used for research, and they can be sold."),
            ("modality", "The weights must be used for research."),
            ("negation", "Batch normalisation is optional in the encoder."),
        ),
    ),
    Case(
        """The river Tamar rises near the village of Woolley and flows south for 98 km to the sea at Plymouth. Salmon
        return to it every autumn, but no sturgeon has been seen since 1955. The upper valley receives 1,400 mm of rain
        a year, more than the coast. Farmers are allowed to take water in winter; in summer they need a licence from the
        agency. In 2007 the agency warned the farmers that the lowest flow had fallen to half of the average. Two dams
        were planned in the 1960s and neither was built.""",
        (
            "The river Tamar flows south for 98 km to the sea at Plymouth.",
            "The Tamar rises near the village of Woolley.",
            "Every autumn salmon return to the river.",
            "No sturgeon has been seen since 1955.",
            "The upper valley receives more rain than the coast.",
            "In winter farmers are allowed to take water.",
            "In summer farmers need a licence from the agency.",
            "The farmers were warned by the agency in 2007.",
        ),
        (
            ("name", "The river Tamar rises near the village of Plymouth."),
            ("unit", "The river Tamar flows south for 98 miles to the sea at Plymouth."),
            ("negation", "Sturgeon has been seen in the river since 1955."),
            ("negation", "The upper valley receives less rain a year than the coast."),
            ("roles", "The coast receives more rain than the upper valley."),
            ("number", "The upper valley receives 1,955 mm of rain a year."),
            ("negation", "Farmers are forbidden to take water in winter."),
            ("negation", "In summer farmers do not need a licence from the agency."),
            ("roles", "In 2007 the farmers warned the agency that the lowest flow had fallen."),
            (
                "negation",
                "In 2007 the agency warned the farmers that the highest flow had fallen to half of the average.",
            ),
            ("number", "Three dams were planned in the 1960s."),
            ("negation", "Two dams were planned in the 1960s and both were built."),
        ),
    ),
)
