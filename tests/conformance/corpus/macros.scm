;;> loads
(define-syntax m (syntax-rules () ((_ x) x))) (m 1)
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ x) x))) (m)
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ x) x))) (m 1 2)
;;> loads
(define-syntax m (syntax-rules () ((m x) x) ((m x y) y))) (m 1 2)
;;> loads
(define-syntax m (syntax-rules () [(_ x) x])) (m 1)
;;> loads
(define-syntax m (syntax-rules () ((_ x ...) (list x ...)))) (m 1 2 3)
;;> loads
(define-syntax m (syntax-rules () ((_ x ...) (list x ...)))) (m)
;;> loads
(define-syntax m (syntax-rules () ((_ (x y) ...) (list (list x y) ...)))) (m (1 2) (3 4))
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ (x y) ...) (list (list x y) ...)))) (m (1 2) (3))
;;> loads
(define-syntax m (syntax-rules () ((_ (x ...) ...) '((x ...) ...)))) (m (1 2) ())
;;> loads
(define-syntax m (syntax-rules () ((_ x . rest) 'rest))) (m 1 2 3)
;;> loads
(define-syntax m (syntax-rules () ((_ . rest) (list . rest)))) (m 1 2 3)
;;> loads
(define-syntax m (syntax-rules () ((_ x ... y) y))) (m 1 2 3)
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ x x) x)))
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ x ... y ...) 1)))
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ ... x) 1)))
;;> loads
(define-syntax m (syntax-rules (in) ((_ x in y) (list x y)))) (m 1 in 2)
;;> refused BadSyntax
(define-syntax m (syntax-rules (in) ((_ x in y) (list x y)))) (m 1 at 2)
;;> refused BadSyntax
(define-syntax m (syntax-rules (1) ((_ x) x)))
;;> refused Generic
(define-syntax m (syntax-rules ()))
;;> refused Generic
(define-syntax m (syntax-rules))
;;> refused Generic
(define-syntax m)
;;> refused Generic
(define-syntax)
;;> refused Parse
(define-syntax m (syntax-rules () ((_ x))))
;;> refused Parse
(define-syntax m (syntax-rules () ((_ x) x x)))
;;> refused Generic
(define-syntax m (syntax-rules () (_ 1)))
;;> refused Parse
(define-syntax m (syntax-rules () x))
;;> refused Parse
(define-syntax m (syntax-rules x ((_ x) x)))
;;> refused Generic
(define-syntax m 1)
;;> refused BadSyntax
(define-syntax 1 (syntax-rules () ((_ x) x)))
;;> loads
(define-syntax m (syntax-rules () ((_ x) (undefined-thing x))))
;;> refused FreeIdentifier
(define-syntax m (syntax-rules () ((_ x) (undefined-thing x)))) (m 1)
;;> loads
(define-syntax m (syntax-rules () ((_ x) (define x 1)))) (m y) y
;;> refused FreeIdentifier
(define-syntax m (syntax-rules () ((_) (define hidden 1)))) (m) hidden
;;> loads
(define-syntax m (syntax-rules () ((_ x e) (let ((x 1)) e)))) (m y (+ y 1))
;;> refused FreeIdentifier
(define-syntax m (syntax-rules () ((_ e) (let ((y 1)) e)))) (m y)
;;> loads
(define-syntax m (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp))))) (define tmp 1) (define other 2) (m tmp other)
;;> loads
(define-syntax m (syntax-rules () ((_ name) (define (name) 1)))) (m f) (f)
;;> loads
(define-syntax m (syntax-rules () ((_ x) (m2 x)))) (define-syntax m2 (syntax-rules () ((_ x) x))) (m 1)
;;> loads
(m 1) (define-syntax m (syntax-rules () ((_ x) x)))
;;> loads
(define (f) (m 1)) (define-syntax m (syntax-rules () ((_ x) x))) (f)
;;> refused Generic
(define (f) (define-syntax m (syntax-rules () ((_ x) x))) (m 1)) (f)
;;> refused FreeIdentifier
(define-syntax m (syntax-rules () ((_ x) x))) m
;;> refused FreeIdentifier
(define-syntax m (syntax-rules () ((_ x) x))) (list m)
;;> loads
(define-syntax m (syntax-rules () ((_ x) x))) (define m 1)
;;> refused Parse
(define-syntax m (syntax-rules () ((_ x) x))) (let ((m 1)) m)
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((_ x) x))) (let ((m (lambda (x y) y))) (m 1 2))
;;> loads
(define-syntax m (syntax-rules () ((_ x) x))) (define-syntax m (syntax-rules () ((_ x y) y))) (m 1 2)
;;> loads
(define-syntax when (syntax-rules () ((_ x) x))) (when 1)
;;> loads
(define-syntax if2 (syntax-rules (then else) ((_ c then a else b) (if c a b)))) (if2 #t then 1 else 2)
;;> loads
(define-syntax m (syntax-rules () ((_ "x") 1) ((_ 2) 2))) (m "x") (m 2)
;;> loads
(define-syntax m (syntax-rules () ((_ #t) 1))) (m #t)
;;> loads
(define-syntax m (syntax-rules () ((_ 'x) 1))) (m 'x)
;;> loads
(define-syntax m (syntax-rules () ((_ #(x ...)) (list x ...)))) (m #(1 2))
;;> loads
(define-syntax m (syntax-rules () ((_ x) '(x ...))))
;;> loads
(define-syntax m (syntax-rules () ((_ x ...) x))) (m 1 2)
;;> loads
(define-syntax m (syntax-rules () ((_ x ...) '(... ...)))) (m 1)
;;> refused TypeMismatch
(define-syntax m (lambda (stx) stx))
;;> refused Generic
(define-syntax m (er-macro-transformer 1))
;;> refused BadSyntax
(defmacro (m x) `(+ ,x 1)) (m 1)
;;> refused FreeIdentifier
(defmacro (m) 1) (m)
;;> loads
(defmacro m 1)
;;> crashed
(defmacro)
;;> refused FreeIdentifier
(defmacro (m x) (undefined-thing x)) (m 1)
;;> refused FreeIdentifier
(defmacro (m x) (undefined-thing x))
;;> refused BadSyntax
(begin-for-syntax 1)
;;> refused BadSyntax
(begin-for-syntax (define x 1))
;;> loads
(define-syntax m (syntax-rules () ((_ x) (begin (define y x) y)))) (m 1)
;;> loads
(define-syntax while2 (syntax-rules () ((_ c b ...) (let loop () (when c b ... (loop)))))) (while2 #f (led-on))
;;> loads
(define-syntax my-or (syntax-rules () ((_) #f) ((_ e) e) ((_ e r ...) (let ((t e)) (if t t (my-or r ...)))))) (my-or #f 1 2)
;;> loads
(define-syntax my-let (syntax-rules () ((_ ((n v) ...) b ...) ((lambda (n ...) b ...) v ...)))) (my-let ((a 1) (b 2)) (+ a b))
;;> loads
(struct point (x y)) (point 1 2)
;;> loads
(struct point (x y)) (point-x (point 1 2))
;;> loads
(struct point (x y)) (point? 1)
;;> refused FreeIdentifier
(struct point (x y)) (set-point-x! (point 1 2) 3)
;;> loads
(struct point (x y) #:mutable) (set-point-x! (point 1 2) 3)
;;> loads
(struct point (x y) #:transparent) (point 1 2)
;;> loads
(struct point (x y) #:mutable #:transparent) (point 1 2)
;;> loads
(struct point (x y) #:printer (lambda (p port) 1))
;;> loads
(struct point (x y) #:prop:procedure 0)
;;> refused Generic
(struct point (x y) #:prop:procedure 5)
;;> refused Generic
(struct point (x y) #:foo)
;;> loads
(struct point (x y) #:foo 1)
;;> refused Generic
(struct point (x y) foo)
;;> loads
(struct point ())
;;> refused Generic
(struct point)
;;> refused Generic
(struct)
;;> refused Generic
(struct 1 (x))
;;> refused TypeMismatch
(struct point x)
;;> refused TypeMismatch
(struct point (1))
;;> refused BadSyntax
(struct point (x x))
;;> refused FreeIdentifier
(struct point (x y)) (point-z (point 1 2))
;;> refused BadSyntax
(struct point (x)) (struct point (y))
;;> refused BadSyntax
(struct point (x)) (define point 1)
;;> refused BadSyntax
(struct point (x)) (define point-x 1)
;;> loads
(let () (struct point (x)) (point 1))
;;> loads
(define (f) (struct point (x)) (point-x (point 1))) (f)
;;> loads
(match 1 [1 'one] [_ 'other])
;;> loads
(match 1 [x x])
;;> loads
(match 1 [else 1])
;;> refused BadSyntax
(match 1)
;;> refused BadSyntax
(match)
;;> loads
(match 1 [1])
;;> refused BadSyntax
(match 1 1)
;;> loads
(match (list 1 2) [(list a b) (+ a b)])
;;> refused FreeIdentifier
(match (list 1 2) [(list a b) c])
;;> loads
(match (list 1 2 3) [(list a rest ...) rest])
;;> refused FreeIdentifier
(match (list 1 2 3) [(list a ... b) b])
;;> refused Generic
(match (list 1 2) [(cons a b) a])
;;> loads
(match (list 1 2) [(cons a (cons b c)) b])
;;> refused Generic
(match (vector 1 2) [(vector a b) a])
;;> refused Generic
(match 1 [(? number?) 1])
;;> refused Generic
(match 1 [(and a 1) 1])
;;> loads
(match 'x ['x 1] ['y 2])
;;> loads
(match 'x [(quote x) 1])
;;> loads
(match '(1 2) ['(1 2) 1])
;;> loads
(match '(1 2) [`(1 ,x) x])
;;> loads
(match "a" ["a" 1])
;;> loads
(match #\a [#\a 1])
;;> loads
(match #t [#t 1] [#f 2])
;;> loads
(match 1 [x #:when (> x 0) x])
;;> loads
(match 1 [x #:when])
;;> loads
(match 1 [() 1])
;;> loads
(match '() [(list) 1])
;;> loads
(match (list 1 (list 2)) [(list a (list b)) b])
;;> loads
(match 1 [_ 1] [_ 2])
;;> refused Generic
(match 1 [(point x y) 1])
;;> refused FreeIdentifier
(match undefined-thing [_ 1])
;;> refused FreeIdentifier
(match 1 [x undefined-thing])
;;> loads
(match 1 [x x x])
;;> refused BadSyntax
(match-define (list a b) (list 1 2)) (+ a b)
;;> refused BadSyntax
(match-define (list a b))
;;> refused BadSyntax
(match-define x 1) x
;;> loads
(define (f x) (match x [(list 'add a b) (+ a b)] [(list 'neg a) (- 0 a)])) (f '(add 1 2))
;;> refused TypeMismatch
(require (prefix-in if "steel/result"))
;;> refused ArityMismatch
(require-builtin steel/time as lambda)
;;> refused BadSyntax
(let do ((i 0)) ((= i 0)))
;;> refused BadSyntax
(let parameterize () 1)
;;> refused BadSyntax
(require (only-in "steel/result" (unwrap-ok lambda)))
;;> refused ArityMismatch
(((lambda (x) (lambda (y) (+ x x y))) 1) 2 2)
;;> loads
(((lambda (x) (lambda (y) (+ x x y))) 1) 2)
;;> refused BadSyntax
(let when () 1)
;;> loads
(struct point (x #:printer) y (lambda (p port) 1))
;;> loads
(struct point (x y1 #:foo))
;;> refused BadSyntax
(let when ((i 0)) (if i 1 (when 2)))
;;> loads
(struct point (x) y (lambda (p port) 1))
;;> refused FreeIdentifier
(struct point (x) (undefined) (lambda (p port) 1))
;;> loads
(define-syntax m (syntax-rules () ((m lambda) 1) ((m x) 2))) (m 5)
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((m lambda) 1))) (m lambda)
;;> loads
(define-syntax m (syntax-rules () ((m fn) 1) ((m x) 2))) (m 5)
;;> refused BadSyntax
(define-syntax m (syntax-rules () ((m fn) 1))) (m fn)
;;> loads
(define-syntax m (syntax-rules () ((m defn) 1) ((m x) 2))) (m 5)
;;> loads
(define-syntax m (syntax-rules () ((m defn) 1))) (m defn)
