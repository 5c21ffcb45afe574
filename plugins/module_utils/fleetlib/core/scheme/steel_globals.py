"""The names that Steel 0.7.0 binds, how many arguments its procedures take, and of which types.

Read off a running engine (steel-core 0.7.0), which tests/conformance asks again: what it offers, how many
arguments each procedure accepts, and which types it refuses whatever the other arguments are.

A line of the table is a name, its arguments (``2``, ``1-2``, ``1+``, or ``value`` for what is no procedure)
and, where they are known, their types; the last type may repeat (``*``). A section is a module, ``builtin``
if only require-builtin brings it in and ``require`` if only require does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Global:
    """What is known of a name."""

    name: str
    least: int | None
    """The fewest arguments; None for what is no procedure."""
    most: int | None
    """The most arguments; None for any number."""
    types: tuple[str, ...] = ()
    repeats: bool = False
    """The last type holds for all arguments behind it."""
    fixed: bool = True
    """Steel refuses to assign to it: it is built in, and not written in Scheme."""

    def type_of(self, index: int) -> str:
        """The type of an argument, counted from 0; ``any`` if nothing is known."""
        if index < len(self.types):
            return self.types[index]
        return self.types[-1] if self.repeats else "any"


@dataclass(frozen=True, slots=True)
class Module:
    """A module that can be brought in."""

    names: Mapping[str, Global]
    builtin: bool
    """By require-builtin; otherwise by require."""
    capability: str = ""
    """What it does that programs must not do."""


FORBIDDEN_MODULES: Final = {
    "steel/filesystem": "reaches files",
    "steel/process": "starts processes",
    "steel/threads": "uses threads",
    "steel/tcp": "reaches the network",
    "steel/http": "speaks HTTP",
    "steel/polling": "reaches the network",
    "steel/git": "reaches the network",
    "steel/ffi": "calls foreign code",
    "steel/async": "uses threads",
    "steel/sync": "uses threads",
    "#%private/steel/mvector": "is private to Steel",
    "#%private/steel/reader": "is private to Steel",
}
"""Modules that programs must not use, with the reason."""

_FORBIDDEN_NAMES: Final = {
    "reaches files": "open-input-file open-output-file call-with-output-file call-with-input-file "
    "with-output-to-file with-input-from-file load emit-expanded load-expanded",
    "runs code that is not in the program": "eval eval! eval-string expand! read! run! Engine::new "
    "Engine::clone Engine::add-module Engine::modules->list Engine::raise_error load-from-module!",
    "reads the environment": "env-var maybe-get-env-var set-env-var! command-line std::env::args current-os! "
    "steel-home-location",
    "uses threads": "block-on local-executor/block-on join! poll!",
    "reads the console, which a device does not have": "stdin read-to-string breakpoint!",
    "reaches into the interpreter": "set-test-mode! get-test-mode inspect memory-address active-object-count "
    "attach-contract-struct! get-contract-struct feature-dylib-build?",
    "stops the whole device; use sleep": "time/sleep-ms",
}


_IN_SCHEME: Final = ("#%private/steel/", "steel/immutable-vectors")
"""Modules that are written in Scheme."""


@dataclass(frozen=True)
class _Table:
    globals: dict[str, Global] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    forbidden: dict[str, str] = field(default_factory=dict)


@cache
def _table() -> _Table:
    table = _Table()
    for section in _TEXT.split("\n\n"):
        title, *lines = section.strip().splitlines()
        module, _, way = title.partition("] ")
        module = module.strip("[]")
        fixed = not module.startswith(_IN_SCHEME)
        names = {one.name: one for one in (_parse(line, fixed) for line in lines)}
        capability = FORBIDDEN_MODULES.get(module, "")
        if not way:
            table.globals.update(names)
        table.modules[module] = Module(names, way != "require", capability)
        table.forbidden.update(dict.fromkeys(names, capability) if capability else {})
    table.modules["steel/base"] = Module(table.globals, builtin=True)
    for reason, forbidden in _FORBIDDEN_NAMES.items():
        table.forbidden.update(dict.fromkeys(forbidden.split(), reason))
    return table


def _parse(line: str, fixed: bool) -> Global:
    name, count, *types = line.split()
    if count == "value":
        return Global(name, None, None, fixed=fixed)
    least, _, most = count.partition("-")
    limit = None if count.endswith("+") else int(most or least)
    repeats = bool(types) and types[-1].endswith("*")
    known = tuple(one.rstrip("*") for one in types)
    return Global(name, int(least.rstrip("+")), limit, known, repeats, fixed)


def steel_globals() -> Mapping[str, Global]:
    """What is bound without any ``require``, by name."""
    return _table().globals


def modules() -> Mapping[str, Module]:
    """What can be brought in, by the name of the module."""
    return _table().modules


def forbidden(name: str) -> str | None:
    """Why programs must not use a name; None if they may."""
    if name.startswith(("#%", "%")):
        return "is private to Steel"
    return _table().forbidden.get(name)


_TEXT: Final = """
[steel/hash]
hash 0+
hash-insert 3 hash any any
hash-ref 2 hash any
hash-get 2 hash any
hash-try-get 2 hash any
hash-length 1 hash
hash-contains? 2 hash any
hash-keys->list 1 hash
hash-keys->vector 1 hash
hash-values->list 1 hash
hash-values->vector 1 hash
hash-clear 1 hash
hash-empty? 1 hash
hash-union 2 hash hash
hash-remove 2 hash any

[steel/sets]
hashset 0+
hashset-length 1 set
hashset-contains? 2 set any
hashset-union 2 set set
hashset-intersection 2 set set
hashset-difference 2 set set
hashset-insert 2 set any
hashset->list 1 set
hashset->immutable-vector 1 set
hashset->vector 1 set
hashset-clear 1 set
hashset-subset? 2 set set
list->hashset 1 list

[steel/lists]
list 0+
cons 2
range 1-2 integer integer
length 1 list
last 1 list
empty? 1
first 1 list
car 1 pair
cdr 1 pair
rest 1 list
append 0+ list*
reverse 1 list
list-ref 2 list integer
try-list-ref 2 list integer
list->string 1 list
push-back 2 list any
pair? 1
apply 2 procedure list
second 1 list
third 1 list
take 2 list integer
list-tail 2 any integer
cdr-null? 1 list
list->vector 1 list
plist-get 2 list any
plist-try-get 3 list any any
plist-get-kwarg 3 list any any
plist-get-positional-arg 2 list integer
plist-try-get-positional-arg 3 list integer any
plist-get-positional-arg-list 2 list integer
plist-validate-args 6
list-drop 2 list integer
list-chunks 1 list

[steel/strings]
string-append 0+ string*
to-string 0+
string->list 1+ string integer*
string->upper 1 string
string->lower 1 string
string-length 1 string
trim 1 string
trim-start 1 string
trim-end 1 string
split-whitespace 1 string
split-once 2 string string
split-many 2 string string
string->int 1 string
int->string 1 integer
string->symbol 1 string
starts-with? 2 string string
ends-with? 2 string string
trim-end-matches 2 string string
trim-start-matches 2 string string
string-ref 2 string integer
substring 2-3 string integer
make-string 1-2 integer char
string=? 1+ string*
string-ci=? 1+ string*
string 0+ char*
string->number 1-2 string integer
number->string 1-2 number integer
string-replace 3 string string string
char-upcase 1 char
char-downcase 1 char
char-digit? 1 char
char-whitespace? 1 char
char->number 1 char
char=? 1+ char*
char->integer 1 char
integer->char 1 integer
string->bytes 1+ string integer*
string->utf8 1+ string integer*
string->vector 1+ string integer*
string-join 1-2 list string
string-contains? 2 string string
string<? 1+ string*
string-ci<? 1+ string*
string<=? 1+ string*
string-ci<=? 1+ string*
string>? 1+ string*
string-ci>? 1+ string*
string>=? 1+ string*
string-ci>=? 1+ string*
char>? 1+ char*
char>=? 1+ char*
char<? 1+ char*
char<=? 1+ char*

[steel/vectors]
mutable-vector 0+
vector 0+
make-vector 1-2 integer any
mutable-vector->list 1+ vector integer*
vector-fill! 2+ vector any
vector-copy! 3-5 vector integer vector integer integer
vector-push! 2 vector any
mut-vec-len 1 vector
vector-length 1 vector
vector-append! 2 vector vector
mut-vector-ref 2 vector integer
vector-set! 3 vector integer any
immutable-vector 0+
push-front 2
pop-front 1 vector
vec-rest 1 vector
null? 1
push 2
range-vec 2 integer integer
vec-append 0+ vector*
vector-ref 2 vector integer
mutable-vector->clear 1 vector
mutable-vector->string 1
mutable-vector-pop! 1 vector

[steel/streams]
stream-cons 2 any procedure
empty-stream value
stream-empty? 1
stream-car 1

[steel/identity]
not 1
complex? 1
exact-integer? 1
float? 1
integer? 1
int? 1
number? 1
rational? 1
real? 1
string? 1
list? 1
vector? 1
symbol? 1
hash? 1
set? 1
continuation? 1
boolean? 1
bool? 1
void? 1
struct? 1
port? 1
eof-object? 1
error-object? 1
mutable-vector? 0+
immutable-vector? 0+
char? 0+
future? 0+
function? 1
procedure? 1
atom? 0+

[steel/numbers]
+ 0+ number*
f+ 1+ number*
* 0+
/ 1+ number*
- 1+ number*
even? 1 integer
odd? 1 integer
arithmetic-shift 2 integer integer
abs 1 number
nan? 1 number
zero? 1 number
positive? 1 number
negative? 1 number
ceiling 1 number
denominator 1 integer
exact? 1
exact-integer-sqrt 1 integer
expt 2 number number
exp 1 number
finite? 1 number
floor 1 number
inexact? 1
inexact 1 number
exact->inexact 1 number
exact 1 number
inexact->exact 1 number
infinite? 1 number
log 1-2
magnitude 1 number
angle 1 number
make-rectangular 2 number number
make-polar 2 number number
real-part 1 number
imag-part 1 number
numerator 1 integer
quotient 2 integer integer
modulo 2 integer integer
remainder 2 integer integer
round 1 number
square 1 number
sqrt 1 number
sin 1 number
cos 1 number
tan 1 number
asin 1 number
acos 1 number
atan 1 number

[steel/equality]
equal? 1+
eqv? 1+
eq? 1+
= 2 number number

[steel/ord]
> 1+ number*
>= 1+ number*
< 1+ number*
<= 1+ number*

[steel/transducers]
compose 0+
transduce 2+
mapping 1 procedure
flattening 0
flat-mapping 1 procedure
filtering 1 procedure
taking 1 integer
dropping 1 integer
extending 1
enumerating 0
zipping 1
interleaving 1
into-sum 0
into-product 0
into-max 0
into-min 0
into-count 0
into-list 0
into-vector 0
into-hashmap 0
into-hashset 0
into-string 0
into-last 0
into-for-each 1
into-nth 1 integer
into-reducer 2

[steel/symbols]
concat-symbols 0+ symbol*
symbol->string 1
symbol=? 1+ symbol*

[steel/io]
stdout-simple-displayln 0+
read-to-string 0+

[steel/filesystem]
delete-directory! 1
create-directory! 1
copy-directory-recursively! 2
is-dir? 1
is-file? 1
read-dir 1
path-exists? 1
file-name 1
parent-name 1
canonicalize-path 1
current-directory 0
change-current-directory! 1
path->extension 1
delete-file! 1
read-dir-iter 1
read-dir-iter-next! 1
read-dir-entry-is-dir? 1
read-dir-entry-is-file? 1
read-dir-entry-is-symlink? 1
read-dir-entry-path 1
read-dir-entry-file-name 1
read-dir-entry-metadata 1
fs-metadata-modified 1
fs-metadata-accessed 1
fs-metadata-created 1
fs-metadata-is-file? 1
fs-metadata-is-dir? 1
fs-metadata-is-symlink? 1
fs-metadata-len 1
file-metadata 1
fs-metadata? 1
read-dir-iter? 1
read-dir-iter-entry? 1
glob 1+
glob-iter-next! 1
path->string 1

[steel/ports]
stdin 0
stdout 0
open-input-file 1
open-output-file 1
open-output-string 0
open-output-bytevector 0
write-line! 2
flush-output-port 1
read-port-to-string 1
read-line-from-port 1
get-output-string 1
get-output-bytevector 1
input-port? 1
output-port? 1
close-output-port 1
close-input-port 1
close-port 1
eof-object 0
open-input-string 1 string
open-input-bytevector 1 bytes
read-byte 0+
read-char 0+
write-byte 1+ integer any*
write-bytes 1+ bytes any*
peek-byte 0+
read-bytes 1+
read-bytes-into-buf 2+
would-block-object? 1
would-block 0

[steel/meta]
assert! 1
active-object-count 0
memory-address 1
poll! 1
block-on 1
local-executor/block-on 1
join! 1+
struct->list 1
expand! 1
read! 1
current-function-span 0
error-with-span 2+
raise-error-with-span 2
raise-error 0+
call/cc 1
eval 1
load 1
eval-string 1
call-with-exception-handler 2 any procedure
breakpoint! 0+
inspect 1
emit-expanded 1
load-expanded 1
call-with-current-continuation 1
eval! 1
value->string 1
Engine::new 0
Engine::clone 1
Engine::add-module 2
Engine::modules->list 1
Engine::raise_error 2
set-test-mode! 0+
get-test-mode 0+
run! 2
value->iterator 1
iter-next! 0+
env-var 1
maybe-get-env-var 1
set-env-var! 2
arity? 1 procedure
function-arity 1 procedure
arity-object->list 1
function-name 1
multi-arity? 1 procedure
make-struct-type 2
box-strong 1
unbox-strong 1
set-strong-box! 2
box 1
unbox 1
set-box! 2
attach-contract-struct! 0+
get-contract-struct 0+
current-os! 0
feature-dylib-build? 0
command-line 0
error-object-message 1
steel-home-location 0

[steel/json]
string->jsexpr 1 string
value->jsexpr-string 1

[steel/constants]
void value

[steel/syntax]
syntax->datum 1
syntax-loc 1
syntax/loc 2
syntax-span 1
span-file-id 1
syntax-e 1
syntax? 0+
syntax-originating-file 1

[steel/process]
command 2
set-current-dir! 2
set-piped-stdout! 1
spawn-process 1
wait 1
wait->stdout 1
which 1
child-stdout 1
child-stderr 1
child-stdin 1
set-env-var! 3
kill 1

[steel/core/result]
Ok 1
Ok? 1
Ok->value 1
Err 1
Err? 1
Err->value 1

[steel/core/option]
Some 1
Some? 1
Some->value 1
None 0
None? 1

[steel/core/types]
TypeId? 1

[steel/time] builtin
instant/now 0
instant/elapsed 1
duration-since 2
duration->seconds 1
duration->millis 1
duration->micros 1
duration->nanos 1
system-time-duration-since 2
system-time/now 0
system-time>= 2
system-time>? 2
system-time<= 2
system-time<? 2
duration->string 1
local-time/now! 1
time/sleep-ms 1
current-milliseconds 0
current-second 0
current-inexact-milliseconds 0
naive-date-ymd 3
naive-date-and-hms 4
naive-date-year 1
naive-date-month 1
naive-date-day 1
naive-current-date-local 0

[steel/threads]
spawn-native-thread 1
thread-join! 1
thread-interrupt 1
thread-suspend 1
thread-resume 1
thread-finished? 1
mutex 0
lock-acquire! 1
lock-release! 1
make-tls 1
set-tls! 2
get-tls 1
channels/new 0
channels-sender 1
channels-receiver 1
channel/send 2
channel/recv 1
channel/try-recv 1
receivers-select 0+
empty-channel-object? 1
disconnected-channel-object? 1
current-thread-id 0
make-channels 0
channel->send 2
channel->recv 1
channel->try-recv 1
thread::current/id 0
thread/available-parallelism 0

[steel/bytevectors]
bytevector 0+ integer*
bytes 0+ integer*
bytes? 1
bytevector-copy 1+ bytes integer*
make-bytes 1-2 integer integer
byte? 1
bytes-length 1 bytes
bytes-ref 2 bytes integer
bytes-set! 3 bytes integer integer
bytes->list 1 bytes
list->bytes 1
bytes-append 0+ bytes*
bytes->string/utf8 1+ bytes integer*
utf8->string 1+ bytes integer*
bytes-push! 2 bytes integer
bytes-clear! 1 bytes

[steel/immutable-vectors]
immutable-vector-push 2 vector any
immutable-vector-rest 1 vector
vector-push-front 2 vector any
immutable-vector-set 3 vector integer any
immutable-vector-drop 2 vector integer
immutable-vector-take 2 vector integer
immutable-vector 0+
vector-immutable 0+
immutable-vector->list 1+ vector integer*
immutable-vector->string 1+
immutable-vector-copy 1+ vector integer*
immutable-vector-append 0+ vector*
make-immutable-vector 1-2 integer any
vector-copy 1+ vector*
vector-append 0+
vector->string 1+

[#%private/steel/primitives]
std::env::args value
load-from-module! 2
error! 1+
error 1+

[#%private/steel/stdlib]
caar 1
cadr 1
cdar 1
cddr 1
caaar 1
caadr 1
cadar 1
caddr 1
cdaar 1
cdadr 1
cddar 1
cdddr 1
caaaar 1
caaadr 1
caadar 1
caaddr 1
cadaar 1
cadadr 1
caddar 1
cadddr 1
cdaaar 1
cdaadr 1
cdadar 1
cdaddr 1
cddaar 1
cddadr 1
cdddar 1
cddddr 1
id 1
flip 1
curry 2
curry2 2
foldl 3
map 2+
foldr 3
unfold 3
fold 3
reduce 3
max 1+
min 1+
mem-helper 2
memq 2
memv 2
member 2
contains? 2
assoc 2
assq 2
assv 2
filter 2
even-rec? 1
odd-rec? 1
sum 1
add1 1
sub1 1
zero? 1 number
drop 2
slice 3
flatten 1
gcd 2
lcm 2
for-each 2
vector->list 1+
*meta-continuation* value
*abort 1
*reset 1
*shift 1
force 1
values 0+
call-with-values 2

[#%private/steel/control]
dynamic-wind 3
call/cc 1
call-with-current-continuation 1
make-parameter 1
continuation? 1
current-input-port 0-1
current-output-port 0-1
current-error-port 0-1
simple-display 1
simple-displayln 1
newline 0-1
write-char 1+
write 1-2
write-string 1+

[#%private/steel/contract]
make-function/c 0+
make/c 2
bind/c 3+
FlatContract 2
FlatContract? 1
FlatContract-predicate 1
FlatContract-name 1
FunctionContract 4
FunctionContract? 1
FunctionContract-pre-conditions 1
FunctionContract-post-condition 1
contract->string 1
contract? 1
listof 1
hashof 2
non-empty-listof 1
</c 1
>/c 1
<=/c 1
>=/c 1
any/c 1
and/c 2
or/c 2

[#%private/steel/print]
displayln 0+
display 1-2

[#%private/steel/ports]
call-with-port 2
call-with-output-file 2
call-with-input-file 2
with-output-to-file 2
with-input-from-file 2
call-with-output-string 1
call-with-input-string 2
with-output-to-string 1
with-input-from-string 2

[#%private/steel/reader]
read 0+
read-syntax-object 0+

[steel/random] builtin
rng->gen-usize 0
rng->gen-range 2

[steel/tcp] builtin
tcp-connect 1
tcp-shutdown! 1
tcp-stream-writer 1
tcp-stream-reader 1
tcp-stream-buffered-reader 1
tcp-listen 1
tcp-accept 1
tcp-accept-with-addr 1
tcp-listener-set-non-blocking! 1
tcp-stream-set-non-blocking! 1

[steel/http] builtin
http-parse-request 1
http-request-method 1
http-request-version 1
http-request-path 1
http-request-body-offset 1
http-request-headers 1
http-response-headers 1
http-parse-response 1

[steel/polling] builtin
fresh-event-id 0
make-poller 0
add-event-interest-read 3
add-event-interest-write 3
add-event-interest-all 3
events-clear! 0
poller-wait 1
events->list 0
modify-event-interest-read! 3
modify-event-interest-write! 3
modify-event-interest-all! 3
poller-delete! 2

[steel/git] builtin
git-clone 3
git-pull 3

[steel/hashes] builtin
md5-hasher 0
md5-hasher->bytes 1
md5-hasher-update! 2

[steel/ffi] builtin
ffi-vector 0+
ffi-vector-ref 2
mutable-string 0
function->ffi-function 1

[#%private/steel/mvector] builtin
make-mutable-vector 0
mutable-vector-ref 2
mutable-vector-set! 3
mutable-vector-pop! 1
mutable-vector-push! 2
mutable-vector-len 1
mutable-vector->list 1
mutable-vector-empty? 1
mutable-vector-from-list 1

[#%private/steel/reader] builtin
new-reader 0
reader-push-string 2
reader-read-one 1
reader-empty? 1
reader-read-one-syntax-object 1

[steel/option] require
Some 1
None 0
Some? 1
None? 1
Option? 1
map-option 2
unwrap-some 1
flatten-option 1
unwrap-or 2
unwrap 1+
unwrap-or-else 2
Option/c 1

[steel/result] require
Result? 1
Ok 1
Ok? 1
Err 1
Err? 1
Result/c 2
unwrap-ok 1
unwrap-err 1
map-ok 2
map-err 2
unwrap-or 2
ok-and-then 2

[steel/iterators] require
StreamIterator 4
IntoIterator 2
ITERATOR-FINISHED value
iter-next 1
into-iter 1
iter-for-each 2
stream-iter-for-each 2
into-stream-iter 1

[steel/async] require
await 1
register-async-executor! 1

[steel/sync] require
make-thread-pool 1
lock! 2
submit-task 2
block-on-task 1
task-done? 1
task-err 1
task 1
pmap 3

[steel/mutable-vectors] require
vector? 1
immutable-vector? 1
mutable-vector? 1
make-vector 1-2
vector 0+
mutable-vector->list 1
mutable-vector-set! 3
mutable-vector-ref 2
mutable-vector-len 1
list->mutable-vector 1
"""
