"""Where the validator and the engine differ about whether a program loads, each with its reason."""

from __future__ import annotations

KNOWN = {
    "(let ((y a)) y) (define a 1)": "Steel loads it, and its interpreter crashes when it runs.",
    "(list filter__doc__)": "A text that Steel's own documentation leaves behind; no program means it.",
}
"""By the program's text: cases of the corpus and names."""

_FAILS = "Steel loads it, and every run of it fails at this place."
_IN_BRANCH = "A definition in a branch that Steel folds away, because its test is that variable, ... or `#t."
_QUOTED = "A quote or comma before the data of a clause or a step of ->; no run gets anything out of it."
_DOTS = "Three dots or a comma where a name stands; Steel binds them, and nobody can mean it."

MUTANTS = {
    "(->> 1 '  (+ 2))": _FAILS,
    "(-> 1 '  add1)": _FAILS,
    "(+ x  1 (define x 1))": _FAILS,
    "( (define y 1) (when y (define x 1)) )": _FAILS,
    "(define (f #:k #:k [x 1]) x) (f)": _FAILS,
    "(define (f #:k #:k x) x) (f #:k 1)": _FAILS,
    "(define-values ( ... ) 1)": _FAILS,
    "(cond (... (define x 1)))": _IN_BRANCH,
    "(cond (x (define x 1)))": _IN_BRANCH,
    "(cond (x (define x 1) #t))": _IN_BRANCH,
    "(cond ( ` #t (define x 1)))": _IN_BRANCH,
    "(case 1 ((1 2) 'a) (... 'b))": _QUOTED,
    "(case 1 ( , else 'b))": _QUOTED,
    "(define (f ,  #:x [x 1] #:y [y 2]) (+ x y)) (f #:y 3)": _DOTS,
    "(struct point (x) y (lambda (p ...  port) 1))": _DOTS,
    "(struct point (x) y (lambda (p define lambda ) 1))": "Steel drops an option that a symbol names.",
    '(require .  "steel/option")': "Steel ignores the dot.",
    "(f> f> + 1)": "The name of a macro as an operand of that macro.",
    "(l> l> + 1)": "The name of a macro as an operand of that macro.",
    "(define-syntax m (syntax-rules () ((_ (x ...) ...) '((x ...) )))) (m (1 2) ())": (
        "A variable of two levels with one ellipsis behind it; Steel puts the whole list there."
    ),
}
"""The mutants of `differential.mutants` (20,000 of seed 1) on which the two differ."""
