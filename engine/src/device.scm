; The functions of the device API that call procedures of the program.
; Names that begin with #%board- are the board's own.

; A wait lets what is due happen: timers, schedules and events run here, one after the other.
(define (#%board-wait end)
  (let ((call (#%board-next-call end)))
    (when call
      (apply (car call) (cdr call))
      (#%board-callback-done)
      (#%board-wait end))))

(define (sleep seconds)
  (#%board-wait (#%board-call "sleep" (list seconds)))
  #t)

(define (#%board-repeat times thunk)
  (when (> times 0)
    (thunk)
    (#%board-repeat (- times 1) thunk)))

(define (repeat times thunk)
  (#%board-call "repeat" (list times thunk))
  (#%board-repeat times thunk)
  #t)

(define (blink-led times delay)
  (#%board-call "blink-led" (list times delay))
  (#%board-repeat times
                  (lambda ()
                    (led-on)
                    (sleep delay)
                    (led-off)
                    (sleep delay)))
  #t)

(define (with-exception-handler handler thunk)
  (#%board-call "with-exception-handler" (list handler thunk))
  (with-handler handler (thunk)))
