;;> loads
; only a comment
;;> loads
#| a block |#
;;> loads
#| nested #| inner |# outer |# 1
;;> refused Parse
#| not closed
;;> refused Parse
#| #| half closed |#
;;> loads
#; 1
;;> loads
#; (a b c) 1
;;> loads
#;#; 1 2 3
;;> loads
(list 1 #; 2 3)
;;> refused Parse
(list 1 #;)
;;> loads
(list #; 1)
;;> refused Parse
#;
;;> refused Parse
(list 1 #; . 2)
;;> loads
(list 1 2 . #; 3 4)
;;> loads
'(1 #;2 . 3)
;;> loads
#!/usr/bin/steel
;;> loads
(list 1)
;;> loads
#!x
;;> loads
(define x '#!eof) x
;;> loads
[list 1 2]
;;> refused FreeIdentifier
{list 1 2}
;;> loads
{list 1 2 }
;;> refused Parse
(list 1 2]
;;> refused Parse
[list 1 2)
;;> refused Parse
{list 1 2)
;;> refused Parse
(list 1 2
;;> refused Parse
(list (list 1 2)
;;> refused Parse
)
;;> refused Parse
(list 1))
;;> refused Parse
]
;;> refused Parse
}
;;> refused Parse
((list 1 2)
;;> loads
'(a . b)
;;> loads
'(a b . c)
;;> loads
'(a . (b c))
;;> refused Parse
'( . a)
;;> refused Parse
'(a .)
;;> refused Parse
'(a . b c)
;;> refused Parse
'(a . b . c)
;;> refused Parse
'(a . b (c))
;;> refused UnexpectedToken
.
;;> loads
(list . 1)
;;> loads
(list 1 . (2 3))
;;> loads
(if . (#t 1 2))
;;> loads
(define . (x 1))
;;> loads
'(1 .5)
;;> loads
'(a.b)
;;> loads
'a
;;> loads
''a
;;> loads
'()
;;> refused Parse
'
;;> refused Parse
(list ')
;;> loads
`(1 ,2)
;;> loads
`(1 ,@(list 2 3))
;;> loads
`(1 ,(+ 1 1) ,@(list 3) . 4)
;;> loads
`(1 `(2 ,(3 ,(+ 1 3))))
;;> refused FreeIdentifier
,x
;;> refused FreeIdentifier
,@x
;;> refused FreeIdentifier
(list ,1)
;;> refused FreeIdentifier
(define x 1) ,x
;;> loads
`,@(list 1)
;;> refused Parse
`
;;> loads
#'x
;;> loads
#`(a #,(+ 1 2))
;;> refused FreeIdentifier
#,x
;;> refused Parse
(quote)
;;> refused Parse
(quote a b)
;;> loads
(quote . a)
;;> refused BadSyntax
(quasiquote)
;;> refused BadSyntax
(quasiquote a b)
;;> loads
'#(1 2 3)
;;> loads
#(1 2 3)
;;> refused Parse
#(1 . 2)
;;> refused Parse
#(
;;> refused Parse
#(1 2]
;;> refused FreeIdentifier
#[1 2]
;;> refused Parse
#{1 2}
;;> loads
#u8(1 2 255)
;;> refused Parse
#u8(1 256)
;;> refused Parse
#u8(1 -1)
;;> refused Parse
#u8(a)
;;> refused Parse
#u8(1.0)
;;> refused Parse
#u8(1 . 2)
;;> loads
#u8()
;;> refused FreeIdentifier
#vu8(1 2)
;;> refused Parse
#u8(1 #;300 2)
;;> loads
#u8(#x10)
;;> loads
"plain"
;;> refused Parse
"two
;;> refused Parse
lines"
;;> refused Parse
"not closed
;;> loads
"a\"b"
;;> loads
"\a\b\t\n\r\\\|\0"
;;> loads
"\x41;"
;;> refused Parse
"\x41"
;;> refused Parse
"\x;"
;;> refused Parse
"\xZZ;"
;;> refused Parse
"\x110000;"
;;> refused Parse
"\xD800;"
;;> loads
"\u41;"
;;> loads
"\u{41}"
;;> refused Parse
"\u{}"
;;> refused Parse
"\u{41"
;;> refused Parse
"\e"
;;> refused Parse
"\'"
;;> refused Parse
"\d"
;;> refused Parse
"\ "
;;> refused Parse
"a\
;;> refused Parse
   b"
;;> refused Parse
"a\   
;;> refused Parse
"a\  b"
;;> refused Parse
"
;;> loads
""
;;> loads
"λ 你好"
;;> loads
"a" "b"
;;> refused FreeIdentifier
"a"b
;;> loads
(displayln"x")
;;> loads
#\a
;;> loads
#\A
;;> loads
#\space
;;> loads
#\SPACE
;;> loads
#\newline
;;> loads
#\tab
;;> loads
#\null
;;> refused Parse
#\nul
;;> loads
#\return
;;> loads
#\delete
;;> loads
#\escape
;;> loads
#\backspace
;;> loads
#\alarm
;;> refused Parse
#\altmode
;;> refused Parse
#\linefeed
;;> refused Parse
#\page
;;> refused Parse
#\rubout
;;> loads
#\x41
;;> loads
#\x
;;> refused Parse
#\xZZ
;;> loads
#\u41
;;> loads
#\u{41}
;;> refused Parse
#\u{}
;;> loads
#\u
;;> loads
#\λ
;;> loads
#\(
;;> loads
#\)
;;> loads
#\;
;;> loads
#\"
;;> loads
#\'
;;> refused Parse
#\ab
;;> loads
(list #\a)
;;> loads
(list #\()
;;> loads
(list #\))
;;> loads
[list #\a]
;;> refused Parse
{list #\a}
;;> loads
{list #\a }
;;> refused Parse
#\a;comment
;;> refused Parse
(list #\a"b")
;;> refused Parse
(list #\a'b)
;;> refused Parse
#\
;;> loads
#t
;;> loads
#f
;;> loads
#true
;;> loads
#false
;;> refused FreeIdentifier
#T
;;> refused FreeIdentifier
#F
;;> refused FreeIdentifier
#tr
;;> refused FreeIdentifier
(list #t#f)
;;> refused Parse
{list #t}
;;> loads
{list #t }
;;> refused FreeIdentifier
#t;comment
;;> refused FreeIdentifier
#t"x"
;;> loads
#:name
;;> loads
(list #:name 1)
;;> loads
#:
;;> loads
(#:name)
;;> refused Parse
##
;;> refused Parse
##x
;;> refused FreeIdentifier
#e1
;;> refused FreeIdentifier
#i1
;;> refused FreeIdentifier
#&x
;;> refused FreeIdentifier
#0=(a)
;;> refused FreeIdentifier
#%app
;;> loads
(define #foo 1) #foo
;;> refused FreeIdentifier
#
;;> loads
'#
;;> loads
1
;;> loads
-1
;;> loads
+1
;;> loads
1.5
;;> loads
.5
;;> loads
-.5
;;> loads
1.
;;> loads
1e3
;;> loads
1E3
;;> refused FreeIdentifier
1e
;;> refused FreeIdentifier
1e+
;;> refused FreeIdentifier
1e1.5
;;> refused FreeIdentifier
1.2.3
;;> refused FreeIdentifier
1_000
;;> refused FreeIdentifier
0x10
;;> loads
1/2
;;> loads
-1/2
;;> refused BadSyntax
1/0
;;> refused BadSyntax
0/0
;;> refused FreeIdentifier
1/
;;> refused FreeIdentifier
/1
;;> refused FreeIdentifier
1//2
;;> refused FreeIdentifier
1/-2
;;> refused FreeIdentifier
1.5/2
;;> loads
+inf.0
;;> loads
-inf.0
;;> loads
+nan.0
;;> loads
-nan.0
;;> refused FreeIdentifier
inf
;;> refused FreeIdentifier
+inf
;;> refused FreeIdentifier
-inf
;;> refused FreeIdentifier
nan.0
;;> refused FreeIdentifier
+inf.1
;;> loads
1+2i
;;> loads
1-2i
;;> loads
+2i
;;> refused FreeIdentifier
-i
;;> refused FreeIdentifier
+i
;;> refused FreeIdentifier
2i
;;> refused FreeIdentifier
1+i
;;> refused FreeIdentifier
4-i
;;> refused FreeIdentifier
-4+-2i
;;> refused FreeIdentifier
1+2
;;> loads
1@2
;;> loads
1.5@-1
;;> refused FreeIdentifier
1@
;;> loads
#xFF
;;> loads
#XFF
;;> loads
#xff
;;> refused FreeIdentifier
#xfg
;;> loads
#xF/A
;;> refused FreeIdentifier
#x1.5
;;> loads
#b101
;;> refused FreeIdentifier
#b102
;;> loads
#b-101
;;> loads
#o17
;;> refused FreeIdentifier
#o18
;;> loads
#d10
;;> loads
#d1.5
;;> loads
#d1e2
;;> refused FreeIdentifier
#x
;;> refused FreeIdentifier
#b
;;> loads
99999999999999999999999999999999
;;> loads
-99999999999999999999999999999999
;;> loads
1/99999999999999999999999999999999
;;> loads
1e400
;;> loads
1.7976931348623157e309
;;> loads
+
;;> loads
-
;;> refused UnexpectedToken
...
;;> loads
'...
;;> refused FreeIdentifier
->
;;> loads
(define -> 1) 1
;;> refused FreeIdentifier
1+
;;> loads
(define 1+ 2) 1+
;;> refused FreeIdentifier
'+foo
;;> refused Parse
(define +foo 1) +foo
;;> loads
'-foo
;;> loads
(define -foo 1) -foo
;;> loads
(define ->x 1) ->x
;;> loads
(define ..x 1) ..x
;;> loads
(define .x 1) .x
;;> loads
(define a|b 1) a|b
;;> refused FreeIdentifier
|a b|
;;> loads
(define |a b| 1) |a b|
;;> loads
(define || 1) ||
;;> refused Parse
|not closed
;;> loads
'|a\x41;b|
;;> loads
(define a\(b 1) a\(b
;;> loads
(define λx 1) λx
;;> refused BadSyntax
(define λ 1)
;;> loads
((λ (x) x) 1)
;;> loads
(define ünïcödé 1) ünïcödé
;;> loads
(define a 1)a
;;> refused Parse
(define a'b 1)
;;> loads
(list 'a'b)
;;> refused FreeIdentifier
(list 1'2)
;;> refused FreeIdentifier
(list a"b")
;;> loads
(list "a"1)
;;> refused FreeIdentifier
{list 1}
;;> refused FreeIdentifier
1;comment
;;> refused Parse
(list 1;comment
;;> refused Parse
 2)
;;> refused Parse
(list 1 ;comment
;;> loads
(define x 1);comment
;;> refused FreeIdentifier
x
;;> refused FreeIdentifier
(list 1"a")
;;> refused FreeIdentifier
(list 1'a)
;;> refused FreeIdentifier
(list 1`a)
;;> loads
(list +1 -1 +)
;;> refused FreeIdentifier
(list +a)
;;> refused FreeIdentifier
(define Foo 1) foo
;;> refused BadSyntax
(define define 1)
;;> refused BadSyntax
(define if 1)
;;> refused BadSyntax
(define let 1)
;;> refused BadSyntax
(define lambda 1)
;;> refused BadSyntax
(define quote 1)
;;> refused BadSyntax
(define begin 1)
;;> refused BadSyntax
(define set! 1)
;;> refused BadSyntax
(define require 1)
;;> refused BadSyntax
(define ... 1)
;;> refused BadSyntax
(define return! 1)
;;> loads
(define else 1) else
;;> loads
(define => 1) =>
;;> loads
(define list 1) list
;;> loads
(define car 1) car
;;> loads
(define cond 1)
;;> loads
(define when 1)
;;> refused Parse
(let ((if 1)) 1)
;;> refused BadSyntax
(lambda (if) 1)
;;> refused BadSyntax
(lambda (define) 1)
;;> refused UnexpectedToken
if
;;> refused UnexpectedToken
(list if)
;;> refused UnexpectedToken
(list define)
;;> refused UnexpectedToken
(list lambda)
;;> refused FreeIdentifier
else
;;> refused FreeIdentifier
=>
;;> refused FreeIdentifier
(if else 1 2)
;;> refused UnexpectedToken
define
;;> refused Parse
(define)
;;> refused UnexpectedToken
lambda
;;> refused UnexpectedToken
let
;;> refused UnexpectedToken
quote
;;> refused UnexpectedToken
set!
;;> loads
#!/usr/bin/steel
(list 1)
;;> refused FreeIdentifier
(list 1)
#!/usr/bin/steel
;;> loads
"two
lines"
;;> loads
"a\
   b"
;;> loads
"a\   
   b"
;;> loads
"a\  

 b"
;;> refused FreeIdentifier
(list 1;comment
 2)
;;> loads
(list 1 ;comment
 2)
;;> loads
(define x 1);comment
x
;;> loads
(define x #t);comment
x
;;> loads
(define x #\a);comment
x
;;> loads
;;@doc
;; Doubles.
(define (f x) (* 2 x))
;;> loads
;;@doc
(define y 1)
;;> loads
;;@doc
;; Nothing follows.
;;> loads
(define (f)
  #| a
  comment |#
  1)
(f)
;;> refused Parse
(list
  1
  2

;;> refused FreeIdentifier
#<<END
text
END
;;> loads
(displayln
"x"
)
