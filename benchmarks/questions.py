"""Questions about manuals, each with the places that answer it, for benchmarks.relevance.

They were written and their places marked by reading the manuals, before anything was measured. Some use the words of
the document; the others ask for the same kind of thing as somebody would who has not read it.
"""

from __future__ import annotations

from dataclasses import dataclass

_R = "usr/share/R/doc/manual"
FILES = {
    "R-exts": ("r-doc-pdf", f"{_R}/R-exts.pdf"),
    "R-intro": ("r-doc-pdf", f"{_R}/R-intro.pdf"),
    "policy": ("debian-policy", "usr/share/doc/debian-policy/policy.pdf.gz"),
    "git": ("git-doc", "usr/share/doc/git-doc/user-manual.html"),
    "reference": ("developers-reference", "usr/share/developers-reference/developers-reference.epub"),
    "faq": ("debian-faq", "usr/share/doc/debian/FAQ/debian-faq.en.txt.gz"),
    "fhs": ("debian-policy", "usr/share/doc/debian-policy/fhs/fhs-3.0.html"),
    "guide": ("maint-guide", "usr/share/doc/maint-guide/maint-guide.en.txt.gz"),
}
"""The manuals: the package and the path within it of each."""


@dataclass(frozen=True)
class Question:
    """Asked about a manual of FILES. answers: words from the beginning of each passage that answers it; one is enough.
    own: whether it is in the words of the asker."""

    manual: str
    text: str
    answers: tuple[str, ...]
    own: bool


def _questions(own: bool, *rows: tuple[str, ...]) -> tuple[Question, ...]:
    return tuple(Question(manual, text, tuple(answers), own) for manual, text, *answers in rows)


THEIR_WORDS = _questions(
    False,
    ("R-exts", "How does the interface to random number generation work?",
     "The interface to R’s internal random number"),
    ("R-exts", "How can I reduce the size of PDF files?", "There are a several tools available to reduce the size"),
    ("R-exts", "What does gctorture do?", "We can help to detect memory problems in R objects earlier"),
    ("R-exts", "Why must R objects created in C code be protected?", "If you create an R object in your C code"),
    ("R-intro", "How are frequency tables calculated from factors?", "The function table() allows frequency tables"),
    ("R-intro", "What do attach() and detach() do?", "The attach() function takes a ‘database’"),
    ("R-intro", "How are missing values represented?", "When an element or value is “not available”"),
    ("R-intro", "What is the ... argument of a function for?",
     "Another frequent requirement is to allow one function to"),
    ("policy", "How must log files be rotated?", "Log files must be rotated occasionally"),
    ("policy", "When should epochs be used in a version?", "Note that the purpose of epochs is to cope with",
     "Epochs can help when the upstream version"),
    ("policy", "Which classes of UID and GID numbers are there?", "The UID and GID numbers are divided into classes"),
    ("policy", "Where do packages install cron jobs?", "If a package wants to install a job that has to be executed"),
    ("git", "How do I make a shallow clone?", "A shallow clone, with its truncated history"),
    ("git", "What is the reflog?", "Git also keeps a log, called a \"reflog\""),
    ("git", "How do I use bisect to find a regression?", "The git-bisect(1) command can help you"),
    ("reference", "When is a package eligible for salvaging?", "A package becomes eligible for salvaging"),
    ("reference", "What are common errors in changelog entries?",
     "The following examples demonstrate some common errors"),
    ("faq", "What is a virtual package?", "A virtual package is a generic name that applies to any one"),
    ("faq", "How do I put a package on hold?", "There are three ways of holding back packages"),
    ("faq", "What is a conffile?", "Conffiles is a list of configuration files"),
    ("fhs", "What is /var/cache for?", "/var/cache is intended for cached data"),
    ("fhs", "What is the difference between shareable and unshareable files?",
     "\"Shareable\" files are those that can"),
    ("guide", "How is pbuilder used to build packages?", "For a clean room (chroot) build environment"),
    ("guide", "How are a package's maintainer scripts verified?", "All maintainer scripts (that is, preinst, prerm,"),
)  # fmt: skip

OWN_WORDS = _questions(
    True,
    ("R-exts", "My compiled routine runs for minutes and Ctrl-C has no effect. What can I do?",
     "No part of R can be interrupted whilst running long"),
    ("R-exts", "How can I find out where my script spends its time?", "The command Rprof is used to control profiling"),
    ("R-exts", "The interpreter dies when it runs my native code. How do I hunt down the bug?",
     "Sooner or later programmers will be faced with", "4.3 Checking memory access Errors in memory allocation"),
    ("R-exts", "Where do I say which other add-ons mine needs in order to run?",
     "The ‘Depends’ field gives a comma-separated list", "The ‘Imports’ field lists packages"),
    ("R-exts", "How do I show the warnings of my code in the language of the user?",
     "There are mechanisms to translate the R- and C-level"),
    ("R-exts", "How can I hide helper functions from the people who use my package?",
     "Exports are specified using the export directive"),
    ("R-exts", "May my program use several processor cores at once?",
     "There is some support for packages which wish to use OpenMP", "There is no direct support for the POSIX threads"),
    ("R-exts", "How should scholars give credit to my software in their papers?",
     "An installed file named CITATION will be used"),
    ("R-intro", "How do I get the average of a number for each group?",
     "To calculate the sample mean income for each state"),
    ("R-intro", "Can I click on a chart to find out which observation a dot is?",
     "R also provides functions which allow users to extract", "identify(x, y, labels)"),
    ("R-intro", "How do I put several charts side by side on one sheet?",
     "R allows you to create an n by m array of figures"),
    ("R-intro", "How can some settings be loaded each time the program starts?",
     "Users can customize their environment in several", "A second, personal, profile file named .Rprofile"),
    ("R-intro", "Are the means of these two groups really different?",
     "To test for the equality of the means of the two examples"),
    ("R-intro", "How do I save a chart as an image file?", "R can generate graphics (of varying levels of quality)"),
    ("R-intro", "Will the things I made still be there when I come back tomorrow?",
     "All objects created during an R session can be stored"),
    ("R-intro", "How do I change a value outside of a function from within it?",
     "Note that any ordinary assignments done within"),
    ("policy", "What happens to the settings somebody edited when a new release is installed?",
     "local changes must be preserved during a package"),
    ("policy", "How may an installer ask the administrator something?",
     "Package maintainer scripts may prompt the user if necessary"),
    ("policy", "I want to move some files from one package into another without breaking upgrades.",
     "It is usually an error for a package to contain files which"),
    ("policy", "What chmod bits should installed programs and folders have?",
     "Files should be owned by root:root, and made writable"),
    ("policy", "How do I go back to an older release after a bad upload?",
     "Epochs should not be used when a package needs to be"),
    ("policy", "May a program put hidden settings files into everyone's home?",
     "The files in /etc/skel will automatically be copied"),
    ("policy", "What if a program contains content that some people find hurtful?",
     "As a maintainer you should make a judgement about"),
    ("policy", "May the build download something from the internet?",
     "required targets must not attempt network access, except"),
    ("git", "I deleted commits by accident. Can I get them back?", "Say you modify a branch with git reset --hard",
     "In some situations the reflog may not be able to save you"),
    ("git", "How do I put my half-finished changes aside to fix something urgent?",
     "While you are in the middle of working on something"),
    ("git", "The server refuses what I upload. Why?", "If a push would not result in a fast-forward"),
    ("git", "How do I apply changes that somebody sent me by mail?", "for importing such an emailed series of patches"),
    ("git", "How can I stop it from listing object files and editor backups?",
     "A project will often generate files that you do"),
    ("git", "How do I undo something that everyone has already downloaded?",
     "You can create a new commit that undoes whatever", "Creating a new commit that reverts an earlier change"),
    ("reference", "I will be away for a month. Whom should I tell?",
     "It is common for developers to have periods of absence"),
    ("reference", "I have no more time for my package and want to give it up.",
     "If you can no longer maintain a package, you need"),
    ("reference", "The person in charge does not answer my mails. What now?",
     "If you notice that a package is lacking maintenance", "A package becomes eligible for salvaging"),
    ("reference", "Somebody told me in private about a vulnerability. May I talk about it?",
     "Unlike most other activities within Debian, information about"),
    ("reference", "How should the one-line summary of a package be phrased?", "Policy says the synopsis line"),
    ("reference", "The same defect is in dozens of programs. May I report it for each?",
     "Reporting a great number of bugs for the same problem"),
    ("faq", "Which program installed this file on my disk?",
     "To identify the package that produced the file named foo"),
    ("faq", "How do I get rid of kernels that I no longer boot?", "Yes. The linux-image-NNN.prerm script checks"),
    ("faq", "Where does the name of the project come from?", "The project name is pronounced Deb'-ee-en"),
    ("faq", "How can I give money?", "Donations from sponsors allow Debian to have machines"),
    ("faq", "Can my computer fetch updates by itself at night?", "You can use cron-apt; this tool updates the system"),
    ("faq", "Why are releases named after toys?", "So far they have been characters taken from the"),
    ("fhs", "Where does a web site keep its pages?", "/srv contains site-specific data which is served"),
    ("fhs", "Where do USB sticks show up?", "This directory contains subdirectories which are used as mount"),
    ("fhs", "Where should I put programs that I compiled myself?", "The /usr/local hierarchy is for use by the system"),
    ("fhs", "Where are print jobs kept until it is their turn?", "/var/spool contains data which is awaiting",
     "The lock file for lpd, lpd.lock"),
    ("guide", "The authors brought out a new release. How do I follow?",
     "If a package foo is properly packaged in the newer", "When preparing packages of a new upstream release for"),
    ("guide", "I found a mistake in the original program. How do I record my correction?",
     "Let's assume you find an error in the upstream Makefile"),
    ("guide", "Whom can a beginner turn to with questions?", "Before you decide to ask your question in some public"),
    ("guide", "How do I make one package work on 32-bit and 64-bit machines together?",
     "The multiarch feature introduced to Debian wheezy"),
)  # fmt: skip

QUESTIONS = THEIR_WORDS + OWN_WORDS
