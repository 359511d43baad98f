"""Turns mails into Gmail's resources, and says what Python's email package reads in them.

Standard input: paths, a line each. Standard output: a JSON line for each mail:
{name, utf8, declared, expected}, where `utf8` has text bodies converted under their old label and headers decoded, and
`declared` has both as they were sent. Nothing of guichet is used.
"""
import base64
import json
import sys
from email import message_from_bytes
from email.policy import default


def clean(text):
    return text.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')


def header_values(part, decoded):
    for name, value in part._headers:
        # As it came, bytes beyond ASCII as surrogates; those cannot be in JSON, so Gmail must have read them.
        text = value if isinstance(value, str) else str(value)
        if '=?' in text and (decoded or clean(text) != text):
            try:
                # As plain text, whatever the header is: Gmail adds no quotes to what it decodes.
                text = str(default.header_factory('subject', text.replace('\r', '').replace('\n', '')))
            except Exception:
                pass
        text = clean(text)
        yield {'name': clean(name), 'value': text}


def filename_of(part):
    try:
        return clean(part.get_filename() or '')
    except Exception:
        return ''


def is_attached(part):
    try:
        return part.is_attachment()
    except Exception:
        return False


def charset_of(part):
    try:
        return part.get_content_charset()
    except Exception:
        return None


def bytes_of(part):
    try:
        payload = part.get_payload(decode=True)
    except Exception:
        payload = None
    if payload is None:
        text = part.get_payload()
        payload = text.encode('utf-8', 'surrogateescape') if isinstance(text, str) else b''
    return payload


def convert(part, part_id, mode):
    shown = {
        'partId': part_id,
        'mimeType': part.get_content_type(),
        'filename': filename_of(part),
        'headers': list(header_values(part, mode == 'utf8')),
    }
    child_id = lambda at: f'{part_id}.{at}' if part_id else str(at)
    if part.is_multipart():
        shown['parts'] = [convert(child, child_id(at), mode) for at, child in enumerate(part.get_payload())]
        shown['body'] = {'size': 0}
        if part.get_content_maintype() == 'message':
            try:
                data = part.get_payload(0).as_bytes()
            except Exception:
                data = b''
            shown['body'] = body(data, True)
        return shown
    data = bytes_of(part)
    is_body = part.get_content_maintype() == 'text' and not shown['filename'] and not is_attached(part)
    if is_body and mode == 'utf8':
        try:
            data = data.decode(charset_of(part) or 'ascii').encode()
        except Exception:
            pass
    shown['body'] = body(data, not is_body and part.get_content_maintype() != 'multipart')
    return shown


def body(data, fetched):
    shown = {'size': len(data), 'data': base64.urlsafe_b64encode(data).decode()}
    return {**shown, 'attachmentId': 'fetched'} if fetched else shown


def text_of(message, kind):
    part = message.get_body((kind,))
    if part is None:
        return None
    return clean(part.get_content())


def files_of(message):
    bodies = [message.get_body((kind,)) for kind in ('plain', 'html')]
    # Python speaks of the files of a multipart alone.
    if not message.is_multipart() or message.get_content_maintype() == 'message':
        return [] if any(message is body for body in bodies) else [message]
    return list(attachments_of(message, bodies))


def attachments_of(part, bodies):
    # And of none in a multipart/alternative: there it is whatever is not the body.
    alternative = part.get_content_subtype() == 'alternative'
    found = part.get_payload() if alternative else list(part.iter_attachments())
    found = [one for one in found if not any(one is body for body in bodies)]
    for child in part.get_payload():
        if child.is_multipart() and child.get_content_maintype() != 'message':
            yield from attachments_of(child, bodies)
        elif any(child is one for one in found):
            yield child


def expected_of(message):
    """What Python says; a part of it that Python cannot read is missing."""
    said = {}

    def say(name, read):
        try:
            said[name] = read()
        except Exception as error:
            said.setdefault('unread', {})[name] = type(error).__name__

    if message.get_content_maintype() == 'multipart' and not message.is_multipart():
        # Its boundary is missing or never comes: Python gives up on the body.
        said['unread'] = {'text': 'no parts', 'html': 'no parts'}
    else:
        say('text', lambda: text_of(message, 'plain'))
        say('html', lambda: text_of(message, 'html'))
    say('attachments', lambda: [[clean(part.get_filename() or ''), part.get_content_type(), is_attached(part)] for part in files_of(message)])
    say('subject', lambda: clean(str(message['subject'] or '')))
    say('from', lambda: [[clean(one.display_name), clean(one.addr_spec)] for one in message['from'].addresses] if message['from'] else [])
    return said


for line in sys.stdin:
    path = line.rstrip('\n')
    with open(path, 'rb') as file:
        raw = file.read()
    try:
        message = message_from_bytes(raw, policy=default)
        found = {
            'name': path,
            'utf8': convert(message, '', 'utf8'),
            'declared': convert(message_from_bytes(raw, policy=default), '', 'declared'),
            'expected': expected_of(message),
        }
        print(json.dumps(found), flush=True)
    except Exception as error:
        print(json.dumps({'name': path, 'failed': f'{type(error).__name__}'}), flush=True)
