;;> refused Parse
(if)
;;> refused Parse
(if 1)
;;> loads
(if 1 2)
;;> loads
(if 1 2 3)
;;> refused Parse
(if 1 2 3 4)
;;> loads
(if #t 1)
;;> loads
(if #f (undefined-thing) 1)
;;> loads
(if #t 1 (undefined-thing))
;;> loads
(define x (if #t 1 (undefined-thing)))
;;> loads
(when #f (undefined-thing))
;;> refused Parse
(define x)
;;> loads
(define x 1)
;;> refused Parse
(define x 1 2)
;;> refused BadSyntax
(define 1 2)
;;> refused BadSyntax
(define "x" 2)
;;> refused Parse
(define 'x 2)
;;> loads
(define (f) 1)
;;> refused Parse
(define (f))
;;> refused Parse
(define () 1)
;;> loads
(define (f x) x)
;;> loads
(define (f x x) x)
;;> loads
(define (f . xs) xs) (f 1 2)
;;> loads
(define (f x . xs) xs) (f 1 2)
;;> refused Parse
(define (f x .) 1)
;;> refused Parse
(define (f . ) 1)
;;> refused BadSyntax
(define (f 1) 1)
;;> refused BadSyntax
(define (f "x") 1)
;;> refused BadSyntax
(define ((f a) b) (+ a b)) ((f 1) 2)
;;> loads
(define (f [x 1]) x) (f)
;;> loads
(define (f x [y 2]) (+ x y)) (f 1)
;;> refused BadSyntax
(define (f [x 1] y) x)
;;> loads
(define (f #:k x) x) (f #:k 1)
;;> loads
(define (f #:k [x 1]) x) (f)
;;> refused BadSyntax
(define (f #:k) 1)
;;> refused BadSyntax
(define (f [x]) x)
;;> refused BadSyntax
(define (f [x 1 2]) x)
;;> refused BadSyntax
(define (f [1 x]) x)
;;> loads
(defn (f x) x) (f 1)
;;> loads
(defn f 1)
;;> refused BadSyntax
(define x 1) (define x 2)
;;> refused BadSyntax
(define (f) 1) (define (f) 2)
;;> refused BadSyntax
(define x 1) (define (x) 2)
;;> loads
(define car 1)
;;> loads
(define led-on 1)
;;> loads
(define (led-on) 1) (led-on)
;;> refused FreeIdentifier
(define x x)
;;> refused FreeIdentifier
(define x (+ x 1))
;;> loads
(define (f) (f))
;;> loads
(define f (lambda () (f)))
;;> refused FreeIdentifier
(define a b) (define b 1)
;;> loads
(define (a) b) (define b 1) (a)
;;> loads
(define a (lambda () b)) (define b 1)
;;> refused FreeIdentifier
a (define a 1)
;;> refused FreeIdentifier
(displayln a) (define a 1)
;;> refused FreeIdentifier
(begin (displayln a)) (define a 1)
;;> loads
(let ((y a)) y) (define a 1)
;;> loads
(define (f) (a)) (f) (define (a) 1)
;;> refused FreeIdentifier
(define a (list b)) (define b 2)
;;> refused FreeIdentifier
(define device-info (device-info))
;;> refused FreeIdentifier
(set! x 1)
;;> loads
(define x 1) (set! x 2)
;;> refused FreeIdentifier
(set! x 1) (define x 1)
;;> loads
(define (f) (set! x 1)) (define x 2)
;;> refused Parse
(define x 1) (set! x)
;;> refused Parse
(define x 1) (set! x 1 2)
;;> refused BadSyntax
(set! 1 2)
;;> refused BadSyntax
(set! "x" 2)
;;> refused BadSyntax
(set! (car x) 2)
;;> refused Parse
(set!)
;;> refused Generic
(set! car 1)
;;> loads
(set! led-on 1)
;;> loads
(let ((x 1)) (set! x 2) x)
;;> refused Parse
(lambda)
;;> refused Parse
(lambda (x))
;;> refused Parse
(lambda x)
;;> loads
(lambda x x)
;;> loads
(lambda (x) x)
;;> loads
(lambda (x x) x)
;;> loads
(lambda (x . y) y)
;;> refused BadSyntax
(lambda (1) 1)
;;> refused BadSyntax
(lambda ("x") 1)
;;> refused BadSyntax
(lambda 1 1)
;;> refused BadSyntax
(lambda "x" 1)
;;> refused BadSyntax
(lambda ((x)) 1)
;;> refused BadSyntax
(lambda (x) (define y 1))
;;> loads
(lambda (x) (define y 1) y)
;;> refused FreeIdentifier
(lambda (x) y)
;;> loads
(lambda () (define (g) 1) (g))
;;> loads
(lambda () (define a 1) (define b a) b)
;;> refused FreeIdentifier
(lambda () (define a b) (define b 1) a)
;;> loads
(lambda () (define a 1) (define a 2) a)
;;> loads
(lambda () (displayln 1) (define a 1) a)
;;> loads
(lambda () (begin (define a 1) a))
;;> loads
(lambda () (begin (define a 1)) a)
;;> loads
(lambda () (begin))
;;> refused Parse
(lambda ())
;;> loads
(fn (x) x)
;;> loads
(#%plain-lambda (x) x)
;;> refused ArityMismatch
((lambda (x) x))
;;> loads
((lambda (x) x) 1)
;;> refused ArityMismatch
((lambda (x) x) 1 2)
;;> loads
((lambda xs xs) 1 2)
;;> loads
((lambda (x . xs) xs))
;;> refused FreeIdentifier
((lambda (x [y 1]) y) 1)
;;> refused Parse
(let ())
;;> loads
(let () 1)
;;> loads
(let ((x 1)) x)
;;> loads
(let ((x 1) (x 2)) x)
;;> refused Parse
(let ((x)) x)
;;> refused Parse
(let ((x 1 2)) x)
;;> refused Parse
(let (x) x)
;;> refused BadSyntax
(let ((1 2)) 1)
;;> refused BadSyntax
(let (("x" 2)) 1)
;;> refused Parse
(let ((x 1) . y) x)
;;> refused Parse
(let x)
;;> refused Parse
(let)
;;> refused Parse
(let 1 2)
;;> refused Parse
(let ((x 1)))
;;> refused BadSyntax
(let ((x 1)) (define y 2))
;;> loads
(let ((x 1)) (define y 2) y)
;;> loads
(let ((x (define y 1))) x)
;;> loads
(let ([x 1] [y 2]) (+ x y))
;;> refused FreeIdentifier
(let ((x 1) (y x)) y)
;;> loads
(let loop ((n 3)) (if (> n 0) (loop (- n 1)) n))
;;> loads
(let loop () 1)
;;> refused Parse
(let loop)
;;> refused Parse
(let loop ((n 1)))
;;> refused Parse
(let loop ((n)) n)
;;> loads
(let loop ((n 1)) (loop))
;;> loads
(let loop ((n 1)) (loop 1 2))
;;> loads
(let* ((x 1) (y x)) y)
;;> loads
(let* () 1)
;;> refused Parse
(let* ((x 1)))
;;> refused BadSyntax
(let* ((x)) x)
;;> refused BadSyntax
(let* (x) x)
;;> refused BadSyntax
(let*)
;;> loads
(let* ((x 1) (x 2)) x)
;;> loads
(letrec ((f (lambda () (g))) (g (lambda () 1))) (f))
;;> refused FreeIdentifier
(letrec ((a b) (b 1)) a)
;;> refused BadSyntax
(letrec ((a 1)))
;;> loads
(letrec () 1)
;;> loads
(letrec* ((a 1) (b a)) b)
;;> refused BadSyntax
(letrec)
;;> loads
(begin)
;;> loads
(begin 1 2)
;;> loads
(begin (define x 1)) x
;;> refused Parse
(begin . 1)
;;> loads
(list (begin))
;;> loads
(list (begin (define x 1)))
;;> loads
(list (define x 1))
;;> loads
(+ 1 (define x 1))
;;> loads
(if #t (define x 1) 2)
;;> loads
(if #t (begin (define x 1)) 2)
;;> loads
(when #t (define x 1))
;;> loads
(when #t (define x 1) x)
;;> loads
(unless #f (define x 1) x)
;;> loads
(cond (#t (define x 1)))
;;> loads
(cond (#t (define x 1) x))
;;> loads
(let loop ((i 0)) (define x 1) x)
;;> loads
(define (f) (when #t (define x 1) x) 2)
;;> loads
(and (define x 1))
;;> loads
(return! 1)
;;> refused Parse
(return!)
;;> refused Parse
(return! 1 2)
;;> loads
(define (f) (return! 1)) (f)
;;> refused BadSyntax
()
;;> refused BadSyntax
(())
;;> refused BadSyntax
(list ())
;;> refused BadSyntax
(define x ())
;;> loads
(1 2)
;;> loads
("x" 2)
;;> loads
('f 2)
;;> loads
((list 1) 2)
;;> refused FreeIdentifier
(undefined-thing)
;;> refused FreeIdentifier
undefined-thing
;;> refused FreeIdentifier
(list undefined-thing)
;;> refused FreeIdentifier
(define (f) undefined-thing)
;;> refused FreeIdentifier
(define (f) (undefined-thing 1))
;;> refused FreeIdentifier
(lambda () undefined-thing)
;;> refused FreeIdentifier
(let ((x undefined-thing)) x)
;;> refused FreeIdentifier
(let ((x 1)) undefined-thing)
;;> loads
'undefined-thing
;;> loads
`(undefined-thing)
;;> refused FreeIdentifier
`(,undefined-thing)
;;> loads
(define (f undefined-thing) undefined-thing)
;;> refused FreeIdentifier
(let ((f (lambda (x) (g x)))) f)
;;> loads
(and)
;;> loads
(and 1 2)
;;> loads
(or)
;;> loads
(or 1 2)
;;> refused BadSyntax
(or . 1)
;;> loads
(not)
;;> loads
(not 1)
;;> refused BadSyntax
(when)
;;> loads
(when #t)
;;> loads
(when #t 1)
;;> refused BadSyntax
(unless)
;;> loads
(unless #t)
;;> loads
(unless #t 1 2)
;;> refused BadSyntax
(cond)
;;> loads
(cond (#t 1))
;;> loads
(cond (#t))
;;> loads
(cond (1 2) (else 3))
;;> refused FreeIdentifier
(cond (else 1) (#t 2))
;;> loads
(cond (else))
;;> refused BadSyntax
(cond else)
;;> refused BadSyntax
(cond 1)
;;> refused BadSyntax
(cond ())
;;> refused FreeIdentifier
(cond (1 => list))
;;> refused FreeIdentifier
(cond (1 =>))
;;> refused FreeIdentifier
(cond (1 => list list))
;;> loads
(cond (else => list))
;;> loads
(cond [#t 1] [else 2])
;;> refused BadSyntax
(case 1)
;;> loads
(case 1 ((1) 2))
;;> loads
(case 1 ((1 2) 'a) (else 'b))
;;> loads
(case 1 (else 'b))
;;> refused BadSyntax
(case 1 ((1)))
;;> refused BadSyntax
(case 1 (1 2))
;;> loads
(case 'x ((x) 1) ((y) 2))
;;> refused BadSyntax
(case 'x ('x 1))
;;> loads
(case 'x (['x 'y] 1))
;;> refused BadSyntax
(case)
;;> refused BadSyntax
(case 1 (else 1) ((1) 2))
;;> refused FreeIdentifier
(case 1 ((1) => list))
;;> refused BadSyntax
(while)
;;> loads
(while #t)
;;> loads
(while #f 1)
;;> loads
(while #f do 1)
;;> loads
(while #f 1 2)
;;> refused FreeIdentifier
(while undefined-thing 1)
;;> loads
(do ((i 0 (+ i 1))) ((= i 3) i) (displayln i))
;;> loads
(do ((i 0)) ((= i 0)))
;;> loads
(do ((i 0 (+ i 1))) (#t))
;;> loads
(do () (#t 1))
;;> refused BadSyntax
(do ((i 0 1 2)) (#t))
;;> refused BadSyntax
(do)
;;> refused BadSyntax
(do ((i 0)))
;;> loads
(case-lambda)
;;> loads
(case-lambda ((x) x) ((x y) y))
;;> loads
(case-lambda (x x))
;;> refused Parse
(case-lambda (x))
;;> loads
(case-lambda ((x . y) y))
;;> loads
(delay 1)
;;> refused BadSyntax
(delay)
;;> refused BadSyntax
(delay 1 2)
;;> loads
(force (delay 1))
;;> loads
(reset (+ 1 (shift k (k 1))))
;;> refused BadSyntax
(reset)
;;> refused BadSyntax
(shift k)
;;> loads
(parameterize () 1)
;;> loads
(define p (make-parameter 1)) (parameterize ((p 2)) (p))
;;> refused BadSyntax
(define p (make-parameter 1)) (parameterize ((p)) (p))
;;> refused BadSyntax
(parameterize)
;;> loads
(with-handler (lambda (e) 1) (car 1))
;;> refused Parse
(with-handler (lambda (e) 1))
;;> refused BadSyntax
(with-handler)
;;> loads
(dynamic-wind (lambda () 1) (lambda () 2) (lambda () 3))
;;> loads
(call/cc (lambda (k) (k 1)))
;;> loads
(call-with-current-continuation (lambda (k) 1))
;;> loads
(call-with-values (lambda () (values 1 2)) +)
;;> loads
(define-values (a b) (values 1 2)) (+ a b)
;;> loads
(define-values (a) 1) a
;;> loads
(define-values () 1)
;;> refused TypeMismatch
(define-values a 1)
;;> refused Generic
(define-values (a b))
;;> refused Generic
(define-values)
;;> refused FreeIdentifier
(let-values (((a b) (values 1 2))) a)
;;> refused FreeIdentifier
(receive (a b) (values 1 2) a)
;;> loads
(-> 1 (+ 2))
;;> loads
(->> 1 (+ 2))
;;> loads
(~> 1 (+ 2) (- 1))
;;> loads
(~>> 1 (+ 2))
;;> refused BadSyntax
(->)
;;> loads
(-> 1)
;;> loads
(-> 1 add1)
;;> refused BadSyntax
(-> 1 ())
;;> loads
(f> + 1)
;;> refused BadSyntax
(f>)
;;> loads
(l> + 1)
;;> loads
(define a 1) (define b 2) (swap a b)
;;> refused BadSyntax
(swap a)
;;> refused BadSyntax
(swap)
;;> loads
(dbg! 1)
;;> refused BadSyntax
(dbg!)
;;> loads
(help)
;;> loads
(help car)
;;> loads
(@doc "x" (define y 1)) y
;;> refused BadSyntax
(@doc)
;;> refused BadSyntax
(@doc "x")
;;> loads
;;@doc
;;> loads
; something
;;> loads
(define y 1)
;;> refused FreeIdentifier
(contract/out f (->/c int? int?))
;;> loads
(define/contract (f x) (->/c int? int?) x) (f 1)
;;> refused BadSyntax
(define/contract (f x))
;;> loads
(define/contract f (->/c int? int?) (lambda (x) x))
;;> loads
(->/c int? int?)
;;> loads
(->/c)
;;> refused FreeIdentifier
(guard (e (#t 1)) 2)
;;> refused FreeIdentifier
(raise 1)
;;> loads
(error "x" 1)
;;> loads
(error)
;;> refused FreeIdentifier
(assert #t)
;;> refused FreeIdentifier
(exit)
;;> refused FreeIdentifier
(define-record-type point (make-point x y) point? (x point-x))
;;> loads
(assoc 1 '((1 . 2)))
;;> refused FreeIdentifier
(import (scheme base))
;;> refused BadSyntax
(let-syntax ((m (syntax-rules () ((_ x) x)))) (m 1))
;;> refused BadSyntax
(letrec-syntax ((m (syntax-rules () ((_ x) x)))) (m 1))
;;> loads
(provide x)
;;> loads
(define x 1) (provide x)
;;> refused Generic
(provide)
;;> loads
(provide (contract/out x int?))
;;> loads
(provide 1)
;;> loads
(define x 1) (provide (struct-out x))
;;> loads
(define x 1) (provide (for-syntax x))
;;> refused Parse
(require)
;;> refused Io
(require "missing.scm")
;;> loads
(require "steel/result")
;;> loads
(require "steel/option")
;;> loads
(require "steel/sync")
;;> loads
(require "steel/iterators")
;;> loads
(require "steel/mutable-vectors")
;;> loads
(require "steel/async")
;;> refused Io
(require "srfi/srfi-1/srfi-1.scm")
;;> loads
(require (only-in "steel/result" unwrap-ok))
;;> loads
(require (only-in "steel/result" missing-name))
;;> loads
(require (only-in "steel/result" (unwrap-ok u)))
;;> loads
(require (prefix-in r: "steel/result")) (r:unwrap-ok 1)
;;> loads
(require (prefix-in r: (only-in "steel/result" unwrap-ok)))
;;> loads
(require (for-syntax "steel/result"))
;;> refused Generic
(require 1)
;;> refused Generic
(require steel/result)
;;> refused BadSyntax
(require (foo "steel/result"))
;;> loads
(require-builtin steel/time)
;;> loads
(require-builtin steel/time) (time/sleep-ms 1)
;;> loads
(require-builtin steel/time as t:)
;;> loads
(require-builtin steel/time as t:) (t:time/sleep-ms 1)
;;> loads
(require-builtin steel/random)
;;> refused BadSyntax
(require-builtin steel/missing)
;;> refused ArityMismatch
(require-builtin)
;;> loads
(require-builtin "steel/time")
;;> refused ArityMismatch
(require-builtin steel/time as)
;;> refused Generic
(if #t (require "steel/result"))
;;> refused Generic
(define (f) (require "steel/result") 1)
;;> loads
(module m (provide a) (define a 1))
;;> refused BadSyntax
(module m)
;;> loads
(eval '(+ 1 2))
;;> loads
(eval! '(+ 1 2))
;;> loads
(define y 1) (when y (define x 1))
;;> loads
(define y #f) (unless y (define x 1)) (list x)
;;> refused BadSyntax
(define y (uptime)) (when y (define x 1))
;;> refused BadSyntax
(define y 1) (set! y 2) (when y (define x 1))
;;> loads
(define y #f) (if y (undefined-thing) 1)
;;> refused FreeIdentifier
(define (f) (if y (undefined-thing) 1)) (define y #f) (f)
;;> loads
(define y 1) (define z y) (if z 1 (undefined-thing))
;;> refused FreeIdentifier
(define y (list 1)) (if y 1 (undefined-thing))
;;> loads
(define y 1) (define (f) (if y 1 (undefined-thing))) (f)
;;> loads
(let ((y #f)) (when y (define x 1)) 1)
;;> refused BadSyntax
(define y 1) (define (f y) (set! y 2) y) (when y (define x 1)) (f 1)
;;> loads
(let* ((y 1) (z y)) (if z 1 (undefined-thing)))
;;> refused FreeIdentifier
(define y 1) (let ((y (uptime))) (if y 1 (undefined-thing)))
;;> loads
(define y #f) (while y (undefined-thing))
;;> loads
(define y 1) (and y (define x 1))
;;> loads
(define (f) (define (g) 1) (define y #f) (if y (undefined-thing) (g))) (f)
;;> loads
(#%define x 1) (list x)
;;> loads
(%plain-let ((x 1)) (list x))
;;> loads
(#%require-dylib "a" (only-in b))
;;> refused BadSyntax
(match-syntax 1)
;;> loads
(match-syntax 1 [x x])
;;> refused Generic
(match-syntax '(1 2) [(a b) a])
;;> loads
(match-syntax (list 1) [(list a) a])
;;> refused FreeIdentifier
(match-syntax 1 [x y])
;;> refused BadSyntax
(match-syntax)
;;> loads
(match-syntax '(1 2) [(list a b ...) (list a b)])
;;> loads
(match-syntax 1 [a #:when (> a 0) a])
