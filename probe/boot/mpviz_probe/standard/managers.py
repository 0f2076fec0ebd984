"""Observes managers from the callers' side: what is created, what is called, and who waits."""

import os

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import replaces, unframe
from mpviz_probe.hooks import after, before

_PASSING = ("Iterator", "AsyncResult")
"""Kinds of objects with short lives: all objects of one kind are reported as one."""

_LIMIT = 100
_prepared: "dict[tuple, tuple]" = {}
"""The forms of calls and answers by object and method, as many as may take a place in the ring."""


def patch(module):
    """Patch ``multiprocessing.managers``."""
    server = module.Server
    server.serve_forever = before(server.serve_forever, _tell_of_serving, "manager")
    manager = module.BaseManager
    manager._create = after(manager._create, _tell_of_new, "manager")
    proxy = module.BaseProxy
    proxy._callmethod = _observed_call(proxy._callmethod)


def _identify(address):
    """The id of a manager, the same in every process: where its server listens."""
    if isinstance(address, tuple):
        return "%s:%s" % address[:2]
    return os.fsdecode(address)


def _identify_object(token):
    """The id of an object in a manager; the server uses it again when the object is gone."""
    which = token.typeid if token.typeid in _PASSING else token.id
    return "%s#%s" % (_identify(token.address), which)


def _tell_of_serving(server):
    wire.put(b"manager.serving", b'"o":%b' % wire.text(_identify(server.address)))


def _tell_of_new(created, *args, **kwargs):
    token, _ = created
    wire.put(b"manager.created", b'%b,"s":%d' % (_describe(token), creations.here()))


def _observed_call(call):
    send = wire.send

    @replaces(call)
    def observed(self, methodname, *args, **kwargs):
        try:
            forms = _forms_of(self, methodname)
            if forms is None:
                return call(self, methodname, *args, **kwargs)
            called, answered = forms
            result = None
            try:
                try:
                    send(called, sites.here())
                except BaseException:
                    report("manager")
                result = call(self, methodname, *args, **kwargs)
                return result
            finally:
                try:
                    if methodname == "acquire":
                        send(answered, 1 if result is True else 0)
                    else:
                        send(answered)
                except BaseException:
                    report("manager")
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _forms_of(proxy, method):
    """The forms of a call and of its answer; None if that is not possible."""
    try:
        # Not as attributes: those of some proxies are the object's in the manager.
        known = proxy.__dict__.get("_mpviz")
        if known is None:
            known = proxy.__dict__["_mpviz"] = {}
        forms = known.get(method)
        if forms is None:
            forms = known[method] = _prepare(proxy._token, method)
    except BaseException:
        report("manager")
        return None
    return forms


def _prepare(token, method):
    name = _identify_object(token)
    forms = _prepared.get((name, method))
    if forms is None:
        form = wire.form if len(_prepared) < _LIMIT else wire.form_of_line
        fields = b'%b,"method":%b' % (_describe(token), wire.text(method))
        values = (b"taken",) if method == "acquire" else ()
        called = form(b"manager.called", fields, (b"s",))
        forms = called, form(b"manager.answered", fields, values)
        if len(_prepared) < _LIMIT:
            _prepared[name, method] = forms
    return forms


def _describe(token):
    return b'"o":%b,"manager":%b,"kind":%b' % (
        wire.text(_identify_object(token)),
        wire.text(_identify(token.address)),
        wire.text(token.typeid),
    )
