"""Turns mails into Gmail's resources, and says what Python's email package reads in them.

Standard input: paths, a line each. Standard output: a JSON line for each mail:
{name, utf8, declared, expected}, where `utf8` has text bodies converted under their old label and headers decoded, and
`declared` has both as they were sent. Nothing of guichet is used.
"""
import base64
import json
import sys
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default


def clean(text):
    return text.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')


def header_values(part, decoded):
    for name, value in part._headers:
        # Under this policy a value is kept as it came until somebody asks for it.
        text = clean(str(value if isinstance(value, str) else value.encode()))
        if decoded and '=?' in text:
            try:
                text = clean(str(make_header(decode_header(text.replace('\r', '').replace('\n', '')))))
            except Exception:
                pass
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


def attachments_of(part):
    if not part.is_multipart() or part.get_content_maintype() == 'message':
        return
    found = list(part.iter_attachments())
    for child in part.get_payload():
        if child.is_multipart() and child.get_content_maintype() != 'message':
            yield from attachments_of(child)
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

    say('text', lambda: text_of(message, 'plain'))
    say('html', lambda: text_of(message, 'html'))
    say('attachments', lambda: [[clean(part.get_filename() or ''), part.get_content_type(), is_attached(part)] for part in attachments_of(message)])
    say('subject', lambda: clean(str(message['subject'] or '')))
    say('from', lambda: [[clean(one.display_name), clean(one.addr_spec)] for one in message['from'].addresses] if message['from'] else [])
    said['charset'] = charset_of(message)
    said['defects'] = sorted({type(defect).__name__ for part in message.walk() for defect in part.defects})
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
