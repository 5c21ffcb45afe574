;;> loads
(led-on) (sleep 1) (led-off)
;;> loads
(define (blink n) (when (> n 0) (led-on) (sleep 0.5) (led-off) (sleep 0.5) (blink (- n 1)))) (blink 3)
;;> loads
(while #t (led-on) (sleep 1) (led-off) (sleep 1))
;;> loads
(log "info" "x") (log-error "x") (log-warn "x") (log-info "x") (log-debug "x")
;;> refused FreeIdentifier
(log-trace "x")
;;> loads
(mqtt-publish "a" "b") (shadow-update "k" 1)
;;> loads
(store "k" "v") (load "k") (delete "k")
;;> refused FreeIdentifier
(set-timer "t" 1 (lambda () 1)) (cancel-timer "t") (cancel-all-timers)
;;> loads
(set-timer "t" 1 (lambda () 1)) (cancel-timer "t")
;;> loads
(schedule "* * * * *" (lambda () 1)) (schedule-interval 1 (lambda () 1))
;;> loads
(register-event-handler "e" (lambda (d) d)) (emit-event "e" 1)
;;> loads
(uptime) (current-time) (device-info) (memory-info) (read-sensors)
;;> loads
(get (read-sensors) 'temperature)
;;> loads
(json-encode 1) (json-decode "1")
;;> loads
(format "~a" 1)
;;> loads
(repeat 2 (lambda () 1)) (blink-led 2 0.5)
;;> loads
(uptime-info) (->string 1) (led "on")
;;> loads
(with-exception-handler (lambda (e) 1) (lambda () 2))
;;> loads
(led)
;;> loads
(sleep)
;;> loads
(sleep 1 2)
;;> refused FreeIdentifier
(set-led-pwm 1)
;;> refused FreeIdentifier
(force-garbage-collection)
;;> refused FreeIdentifier
(queue-message "a")
;;> refused FreeIdentifier
(rust-call-led-on)
;;> refused FreeIdentifier
*led-state*
;;> loads
(define *led-state* #f) *led-state*
;;> refused FreeIdentifier
(println "x")
;;> refused FreeIdentifier
(displayln "x") (display 1) (write 1) (newline) (print 1)
;;> refused FreeIdentifier
(print 1)
;;> refused FreeIdentifier
(sort '(2 1) <)
;;> refused FreeIdentifier
(string-upcase "a")
;;> loads
(string->upper "a")
;;> refused FreeIdentifier
(string-split "a b" " ")
;;> loads
(split-many "a b" " ")
;;> refused FreeIdentifier
(time/sleep-ms 1)
;;> refused FreeIdentifier
(current-milliseconds)
;;> refused FreeIdentifier
(instant/now)
;;> loads
(range 0 10)
;;> loads
(vector 1 2) (make-vector 3 0) (vector-ref (vector 1) 0) (vector-set! (vector 1) 0 2)
;;> loads
(mutable-vector 1 2)
;;> loads
(hash 'a 1) (hash-ref (hash 'a 1) 'a) (hash-insert (hash) 'a 1) (hash-get (hash 'a 1) 'a) (hash-try-get (hash) 'a)
;;> refused FreeIdentifier
(hash-set! 1 2 3)
;;> refused FreeIdentifier
(make-hash)
;;> loads
(Some 1) (None) (Ok 1) (Err 1)
;;> refused FreeIdentifier
(unwrap-ok (Ok 1))
;;> loads
(filter even? (map add1 (list 1 2))) (reduce + 0 (list 1 2)) (foldl + 0 (list 1)) (foldr + 0 (list 1))
;;> loads
(for-each displayln (list 1 2))
;;> loads
(transduce (list 1 2) (mapping add1) (into-list))
;;> loads
(list-ref (list 1 2) 0) (second (list 1 2)) (third (list 1 2 3)) (take (list 1 2) 1) (list-tail (list 1 2) 1) (drop (list 1) 1)
;;> loads
(cadr (list 1 2)) (caddr (list 1 2 3)) (cdddr (list 1 2 3)) (cddr (list 1 2))
;;> loads
(append (list 1) (list 2)) (reverse (list 1)) (length (list 1)) (apply + (list 1 2))
;;> loads
(apply + 1 (list 2 3))
;;> loads
(assq 'a '((a . 1))) (assv 1 '((1 . 1))) (assoc 1 '((1 . 1))) (member 1 '(1)) (memq 'a '(a)) (memv 1 '(1))
;;> loads
(string-append "a" "b") (string-length "a") (substring "abc" 0 1) (string->number "1") (number->string 1) (string->symbol "a") (symbol->string 'a)
;;> loads
(string-contains? "a" "b") (string-join (list "a") ",") (trim " a ") (starts-with? "a" "a") (ends-with? "a" "a") (string-replace "a" "b" "c")
;;> loads
(to-string 1) (value->string 1) (string->int "1") (int->string 1) (symbol->string 'a) (string->list "a") (list->string (list #\a))
;;> refused FreeIdentifier
(abs -1) (max 1 2) (min 1 2) (quotient 5 2) (remainder 5 2) (modulo 5 2) (expt 2 3) (sqrt 4) (exp 1) (floor 1.5) (ceiling 1.5) (round 1.5) (truncate 1.5)
;;> loads
(floor 1.5) (ceiling 1.5) (round 1.5) (exact->inexact 1) (inexact->exact 1.5) (exact 1.0) (inexact 1) (number? 1) (integer? 1) (rational? 1) (real? 1) (complex? 1) (zero? 0) (positive? 1) (negative? 1) (even? 2) (odd? 1)
;;> loads
(sin 1) (cos 1) (tan 1) (asin 1) (acos 1) (atan 1) (log 2 3)
;;> refused FreeIdentifier
(arithmetic-shift 1 2) (bitwise-and 1 2)
;;> refused FreeIdentifier
(char->integer #\a) (integer->char 97) (char-upcase #\a) (char=? #\a #\a) (char-whitespace? #\a) (char-digit? #\1) (digit-value #\1)
;;> loads
(eq? 1 1) (eqv? 1 1) (equal? 1 1) (not #t) (boolean? #t) (symbol? 'a) (string? "a") (char? #\a) (procedure? car) (function? car) (list? 1) (pair? 1) (null? 1) (empty? 1) (void? 1) (vector? 1) (hash? 1)
;;> loads
(int? 1) (float? 1.0) (atom? 1)
;;> loads
(void)
;;> loads
void
;;> refused FreeIdentifier
(identity 1)
;;> refused FreeIdentifier
(iota 3)
;;> refused FreeIdentifier
(list-copy (list 1))
;;> refused FreeIdentifier
(vector-map add1 (vector 1))
;;> loads
(vector->list (vector 1)) (list->vector (list 1)) (vector-length (vector 1)) (vector-push! (mutable-vector 1) 2) (push 1)
;;> refused FreeIdentifier
(string-foldcase "a")
;;> loads
(open-input-string "a") (read-port-to-string (open-input-string "a")) (eof-object) (eof-object? 1)
;;> loads
(open-input-file "x")
;;> loads
(with-output-to-string (lambda () (display 1)))
;;> loads
(call-with-output-string (lambda (p) (write 1 p)))
;;> refused FreeIdentifier
(random 10)
;;> refused FreeIdentifier
(rng->gen-range 1 2)
;;> refused FreeIdentifier
(spawn-thread! (lambda () 1))
;;> loads
(spawn-native-thread (lambda () 1))
;;> loads
(thread-join! 1)
;;> refused FreeIdentifier
(lock! 1)
;;> loads
(mutex)
;;> loads
(make-channels)
;;> loads
(channels/new)
;;> loads
(env-var "X")
;;> loads
(command "ls" '())
;;> loads
(current-os!)
;;> loads
(error-object-message 1)
;;> loads
(error-object? 1)
;;> refused FreeIdentifier
(box 1) (unbox (box 1)) (set-box! (box 1) 2) (box? 1)
;;> loads
(stream-cons 1 empty-stream)
;;> refused FreeIdentifier
(let ((x 1) (y 2)) (let-values (((a) 1)) a))
;;> loads
(define x 5) (define (get-x) x) (set! x (+ x 1)) (displayln (get-x))
;;> loads
(define lst (list 1 2 3)) (define (sum l) (if (null? l) 0 (+ (car l) (sum (cdr l))))) (sum lst)
;;> loads
(define (even2? n) (if (= n 0) #t (odd2? (- n 1)))) (define (odd2? n) (if (= n 0) #f (even2? (- n 1)))) (even2? 10)
;;> loads
(define (compose2 f g) (lambda (x) (f (g x)))) ((compose2 add1 add1) 1)
;;> loads
(compose add1 add1)
;;> loads
(define state 'idle) (define (step) (set! state (cond ((eq? state 'idle) 'busy) (else 'idle)))) (step)
;;> loads
(define samples '()) (define (sample!) (set! samples (cons (get (read-sensors) 'temperature) samples))) (schedule-interval 10 sample!)
;;> loads
(define-syntax every (syntax-rules () ((_ s body ...) (schedule-interval s (lambda () body ...))))) (every 5 (led-on) (led-off))
;;> loads
(define counter 0) (register-event-handler "button" (lambda (data) (set! counter (+ counter 1)) (log-info (format "~a" counter))))
;;> loads
(let* ((data (read-sensors)) (t (get data 'temperature))) (if (> t 30) (begin (led-on) (mqtt-publish "alarm" (json-encode data))) (led-off)))
;;> loads
(define (handler topic payload) (log-info (string-append topic ": " payload))) (register-event-handler "mqtt-message" handler)
;;> loads
(define (retry n thunk) (if (= n 0) #f (with-handler (lambda (e) (sleep 1) (retry (- n 1) thunk)) (thunk)))) (retry 3 (lambda () (mqtt-publish "x" "y")))
;;> loads
(map (lambda (x y) (+ x y)) (list 1 2) (list 3 4))
;;> loads
(let loop ((i 0) (acc '())) (if (< i 5) (loop (+ i 1) (cons i acc)) (reverse acc)))
;;> loads
(define ht (hash 'temp 20)) (hash-ref ht 'temp) (hash-contains? ht 'temp) (hash-keys->list ht) (hash-values->list ht) (hash-length ht)
;;> refused FreeIdentifier
(%hash-map 1)
;;> loads
(#%prim.car (list 1))
;;> loads
(#%box 1)
;;> loads
(%iterator? 1)
;;> refused FreeIdentifier
(load "x.scm") (undefined-thing)
;;> loads
(define (f #:x [x 1] #:y [y 2]) (+ x y)) (f #:y 3)
;;> loads
(define (f x) (define y (* x 2)) (define (g z) (+ y z)) (g 1)) (f 2)
;;> loads
(define (f) (let ((a 1)) (define b 2) (set! a b) a)) (f)
;;> loads
(let () (define (a) (b)) (define (b) 1) (a))
;;> refused FreeIdentifier
(let () (define x y) (define y 1) x)
;;> loads
(define x 1) (let ((x x)) x)
;;> loads
(define (f x) (let ((x (+ x 1))) x)) (f 1)
;;> loads
(let ((x 1)) (let ((y x)) (let ((z y)) (+ x y z))))
;;> loads
(define f (let ((n 0)) (lambda () (set! n (+ n 1)) n))) (f)
;;> loads
(do ((vec (make-vector 5 0)) (i 0 (+ i 1))) ((= i 5) vec) (vector-set! vec i i))
;;> loads
((if #t + -) 1 2)
;;> loads
(((lambda (x) (lambda (y) (+ x y))) 1) 2)
;;> loads
(define plus +) (plus 1 2)
;;> loads
(list 'if 'define 'lambda)
;;> loads
'(if define lambda . set!)
;;> loads
'(1 . (2 . (3 . ())))
;;> loads
`(if ,(+ 1 2) else)
;;> loads
(quasiquote (1 (unquote (+ 1 2)) (unquote-splicing (list 3))))
;;> refused FreeIdentifier
(unquote 1)
;;> refused FreeIdentifier
(unquote-splicing 1)
;;> loads
(syntax x)
;;> loads
(quasisyntax x)
;;> loads
(if (led-state) (led-off) (led-on))
;;> refused FreeIdentifier
(rust-call-sleep 1)
;;> refused FreeIdentifier
(rust-call-led-off)
;;> refused FreeIdentifier
(rust-call-led-state)
;;> refused FreeIdentifier
(rust-call-device-info)
;;> refused FreeIdentifier
(rust-call-memory-info)
;;> refused FreeIdentifier
(rust-call-uptime)
;;> refused FreeIdentifier
(rust-call-log "info" "x")
