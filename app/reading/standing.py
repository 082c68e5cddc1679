"""How well a sentence stands by itself, without those around it, and what of it is left out for that. Pure; English and
Japanese."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Bearing: TypeAlias = Literal["alone", "follows", "elsewhere", "apparatus"]
"""What a sentence needs: nothing; the sentence before it ("This is …"); another place of the document ("as we saw in
Section 3"), or it is not quite text; or it says nothing of the document's subject (rights, where to write to)."""


def _pattern(text: str) -> re.Pattern[str]:
    """Alternatives, one on each line."""
    return re.compile("|".join(line.strip() for line in text.strip().splitlines()), re.IGNORECASE)


_SELF = "(?:document|manual|guide|book|standard|report|tutorial|policy)s?"
_PLACES = "(?:sections?|chapters?|appendix|appendices|pages?|figures?|tables?|examples?|lines?)"
_VERBS = "(?:is|are|was|were|has|have|can|could|may|must|should|will|do|does)"

_SEVERAL = r"(?:two|three|four|five|six|several|some|many|various|different|a number of|\d)"

_CONNECTIVE = re.compile(
    r"(?:however|therefore|thus|hence|moreover|furthermore|also|then|so|but|and|in addition|additionally|in general|"
    r"of course|in fact|for example|for instance|in particular|similarly|likewise|consequently|nevertheless|otherwise|"
    rf"finally|further|(?:please )?note that),? (?=\S)(?!(?:if|when|as|to|for|it|that|this(?! {_SELF}\b))\b)"
    r"|(?:また|なお|さらに|しかし|しかしながら|そして|したがって|従って)、(?=.)",
    re.IGNORECASE,
)
_ASIDE = _pattern(r"""
    [ ]?\((?:(?:see|also)\b|cf\.|e\.g\.|i\.e\.)[^()]*\)
    [ ]?\([^()]*\b(?:see|section|chapter|appendix|figure|page \d)[^()]*\)
    [ ]?[(\[][^()\[\]]*\w://[^()\[\]]*[)\]](?: (?=[.,;:]))?
    [ ]?\^?\[\d{1,3}\]
    [;:,] (?:please )?see (?:also )?[^;]*(?=\.$)
    （[^（）]*(?:参照|をご覧)[^（）]*）
    """)
_APPARATUS = _pattern(r"""
    copyright|©|著作権|all rights reserved
    \bpermission (?:is|to (?:\w+ ){1,12}is) (?:hereby )?granted\b
    \bdistribut\w+ (?:the )?(?:complete )?(?:modified|source)\b
    \btrademarks?\b|\bredistribute it\b|\blicen[sc]ed? under\b
    \S@\S+\.\w
    \b(?:comments|corrections|suggestions|feedback)\b.*\b(?:welcome|sent|send|directed|mailing list)\b
    \b(?:authors?|maintainers?) of (?:this|the)\b.*\b(?:is|are|was|were) (?-i:[A-Z])
    \bthe current maintainer is\b
    \b(?:this \w+|translations?) (?:is|are|may be) (?:also |made )?available\b
    \bthis (?:document|manual|guide|book|faq|version) (?:was|is|has been) (?:written|generated|typeset|produced|last)\b
    \b(?:latest|current|new(?:er)?) version of this\b|\b(?:rewrite|rewritten version) of this\b|\bthis version is for\b
    """)
_ELSEWHERE = _pattern(rf"""
    \bthe (?:following|above)\b|\bas follows\b|\blet us\b|\blater on\b|\belsewhere\b|\baforementioned\b
    \b(?:below|above)(?:$|[.,;:)]| {_VERBS}\b)
    \b(?:as|see|seen|shown|described|given|discussed|mentioned|noted|listed|explained|documented|used|defined) (?:\w+ )?(?:above|below|later|earlier|before|previously|informally|here)\b
    \b(?:this|these|next|previous|preceding|earlier|later|last|remaining|old) {_PLACES}\b
    \b{_PLACES} (?:above|below|(?-i:[\dA-Z])[\d.]*\b)
    \bplease (?:see|refer|read|consult|use|take a look)\b
    \bfor (?:more|further|additional) (?:information|details)\b
    \b(?:details|information|discussion|documentation)\b.*\bfound\b|\bfound (?:at|on|in) (?:\w+://|the )
    \b(?:see|refer to|consult) (?:also|the|section|(?-i:[A-Z“"])|\S+\()
    \bas (?:described|explained|shown) in\b|\b(?:is|are) (?:described|explained|discussed|covered) (?:in|at|by)\b
    \b(?:we|I) (?:(?:have|will|shall|can|now|already|also|next|only|here) )*(?:saw|seen|see|start|begin|consider|discuss|describe|turn|look|mention|return|cover(?:ed)?|created?|show|present|assume|make some|take)\b
    \b(?:consists? of|there are|has|have|are|needs?) {_SEVERAL} (?:\w+ )?\w+\.$
    \b{_SEVERAL} (?:\w+ ){{0,3}}(?:ways|mechanisms|parts|steps|forms|kinds|types|methods|options|issues|reasons|techniques|things|choices|advantages|disadvantages|drawbacks|ideas|exceptions|caveats|features|differences|notes|purposes|uses|forms|goals|aims)\b[^,;:]*\.$
    \bwe['’]ll\b|\b(?:mentioned|described|seen|discussed) so far\b
    ^(?:default|nb|value|usage|type)s? ?:|^(?:assume that|check (?:if|whether|that))\b|^an? [^,]+, and (?:is|are)\b
    ^(?:optionally|if set|controls?|specif(?:y|ies)|determines?|indicates?|like an?|especially|one is|currently only)\b|^eine? (?:\w+ )?alternative\b
    ^for an? (?:\w+ )?(?:explanation|description|list|discussion|example|overview|definition)\b|\bread (?:the )?(?-i:[A-Z]\w+ [A-Z])
    \b(?:abschnitt|kapitel|anhang) [\dA-Z]|\bsiehe\b|\b(?:obigen?|folgenden?)\b|\bat the end of this\b|\bwe will link\b|\bverweise(?:n wir)?\b
    \b(?:primary source of|essential for learning)\b|\bprinted versions?\b|\bpresented in the order\b|\ba (?:little|bit of) \w+ (?:is|are)\b|\ba special \w+\.$
    \?$|^(?:as (?:is|are|do|does|for)|here (?:is|are)|for (?:\w+ )?(?:information|details)|suppose|consider|let)\b
    \b[a-z]{{3,}} ?\d{{1,2}}\.$|\b[a-z]{{3,}}\d{{1,2}}\b|[a-z][,.]\d{{1,3}}[ ]
    <-|==|::|\(\) \{{
    (?:以下|次)の(?:よう|とおり|通り|表|図|例|手順)|以下[をがは]|上記|下記|前述|後述|参照|をご覧|詳細(?:は|に)|項\s*\d|第\s*\d+\s*[章節]|[本この][章節]
    """)  # noqa: E501 - an alternative a line; the third but last: marks of notes that stand as digits, and programs.
# A noun with its article, and what may follow it without a verb.
_NAMED = re.compile(
    r"(?:an?|any|the (?:value|name|number|list|set|string|size|maximum|minimum)) (?:[\w-]+ ){0,4}?"
    r"(?=(?:that|which|whose|who|for|of|to|by|in|used|containing|including|specifying|"
    r"allowing|representing|defining|returned|given|as|with)\b)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\b(?:that|which|who|whose|where|when|if|as)\b[^,;]*")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|has|have|had|does|do|did|must|should|shall|may|might|can|could|will|would|cannot)\b|"
    r"n[’']t\b|\b[a-z]{2,}[^su\W]s (?:the|an?|all|any|no|each|to|in|on|from|with|by|for|of|that|it|its)\b"
)
_EXPLETIVE = (
    r"(?! (?:is|was|may be|can be|will be) (?:\w+ )?(?:possible|important|useful|recommended|necessary|best|worth|"
    r"common|essential|easy|hard|difficult|good|better|helpful|customary|usual|likely|advisable|OK)\b"
    r"| (?:is|was|has been|should be|must be|can be|may be) (?:\w+ )?\w+ed that\b)"
)
_FOLLOWS = _pattern(rf"""
    (?:(?:if|when|as|while) )?(?:that|they|he|she|it{_EXPLETIVE})\b
    (?:however|therefore|thus|also|but|and|so|another|both|either|neither|nor|see|here|then|again|instead|indeed)\b
    (?:now(?! that)|there(?! (?:is|are|was|were|exists?)\b)|first,|second,)
    (?:additionally|alternatively|conversely|similarly|otherwise|finally|next|unfortunately|unlike|depending on)\b
    (?:note|notice|in the process|to summari[sz]e|in summary|examples?|is|are|was|were|has|have|does|we)\b
    (?:in (?:addition|fact|particular|other words|contrast)|for (?:example|instance)|as a (?:result|consequence))\b
    (?:in|for|with|of|by|from|to|on|at) (?:do )?(?:this(?! {_SELF}\b)|that|these|those|such)\b
    (?:in|for|with|of|by|from|to|on|at) (?:each|all|both|most|either|any) (?:cases?|contexts?)\b
    (?:in|for|with|of|by|from|to|on|at) the (?:latter|former|first|second)\b|on the other hand\b
    the (?:\w+ )?(?:second|third|fourth|latter|former|others?|same|results?|next|above|rest|alternative|remaining)\b
    the (?:first|last|simplest|easy|hard|answer) \w+\b|(?:first|second|third|last),? (?:you|we|of all)\b
    (?:even|many|some)? ?(?:other|more|further|additional|another)\b(?! than\b)|[^,;:]{{0,60}}\balternatively\b
    (?:all|most|some|many|each|both|one|none|several|few|any)(?: of)? (?:these|those|such|them)\b
    (?:after|before|for|with|without|to|from|of|by|like|among|between|both of|all of) (?:them|him)\b|exceptions?\b
    (?:an|one|the) exception\b|.*\b(?:and|so|but|since|because) (?:so )?(?:this|these) [a-z]+\b
    (?:if|when) (?:true|false|so|not|none|any)\b|for (?:most|some|many|both) (?:an?|the)\b
    [^;:]{{0,80}}\b(?:this|these|those|such(?! as))\b(?! {_SELF}\b)
    (?:[\w’'-]+,? ){{1,8}}(?:it|them|one)(?: (?:{_VERBS}|to|in|on|for|and|or|by|with|[a-z]+s)\b|[,.;:])
    (?:[\w’'-]+ ){{1,8}}(?:that (?:in|by|with|for|from|to)|also)\b|.*\bhere\b
    これ|それ|この|その|そこ|ここ|こう|そんな|こんな|また|しかし|そして|したがって|従って|なお|ただし|さらに
    例えば|たとえば|つまり|すなわち|一方|では|でも|次に|まず|同様に
    """)
_ITSELF = re.compile(rf"(?:this|the present) {_SELF}\b|この(?:文書|マニュアル|手引|本)", re.IGNORECASE)
_DEFINITE = re.compile(
    r"(?:(?:if|when|since|once|as) )?(?:the|each|all|most|some|other|any|both|only)\b", re.IGNORECASE
)


def without_asides(sentence: str) -> str:
    """A sentence without references, addresses in brackets, and marks of notes."""
    return _ASIDE.sub("", sentence)


def standing_alone(sentence: str) -> str:
    """The same without the word that ties it to the one before."""
    text = without_asides(sentence)
    if tie := _CONNECTIVE.match(text):
        text = text[tie.end() :]
        text = text[:1].upper() + text[1:]
    return text


def bearing(sentence: str) -> Bearing:
    """What `sentence` needs to be understood."""
    text = without_asides(sentence)
    if _APPARATUS.search(text):
        return "apparatus"
    if _ELSEWHERE.search(text) or _is_entry(text):
        return "elsewhere"
    return "follows" if _FOLLOWS.match(text) else "alone"


def _is_entry(sentence: str) -> bool:
    """Whether it is a definition without a verb, whose term stands elsewhere: "A token that performs a function."."""
    return bool(_NAMED.match(sentence)) and not _VERB.search(_RELATIVE.sub("", sentence))


def is_about_itself(sentence: str) -> bool:
    """Whether it speaks of the document."""
    return bool(_ITSELF.match(sentence))


def is_definite(sentence: str) -> bool:
    """Whether it begins with a thing that is taken as known: within a paragraph "The lamp …" is one just spoken of."""
    return bool(_DEFINITE.match(sentence))
