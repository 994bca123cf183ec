"""Flows that several tests use."""

FRONT_DESK = """
name: front-desk
version: "1.0"
variables: {caller_name: "", intent: ""}
initial_state: ask
states:
  ask:
    on_enter:
      - {type: play_tts, params: {text: "Good day {{ .Variables.caller_name }}. Bookings, or opening hours?"}}
    transitions:
      - {event: dtmf, condition: '{{ eq (printf "%c" .Event) "1" }}', target: booking}
      - {event: speech, target: classify}
    timeout: "12s"
    timeout_next: bye
  classify:
    on_enter:
      - {type: call_hook, params: {url: "https://nlu.example/intent", auth_type: hmac, auth_secret: "{{ .Variables.hook_key }}"}}
    transitions:
      - {event: hook_result, condition: '{{ eq (index .Result "intent") "booking" }}', target: booking}
      - {event: hook_error, target: bye}
      - {event: hook_result, target: bye}
  booking:
    on_enter:
      - {type: set_variable, params: {department: bookings}}
      - {type: play_tts, params: {text: "One moment."}}
    transitions:
      - {event: tts_complete, target: bye}
  bye:
    on_enter: [{type: hangup}]
    terminal: true
"""  # noqa: E501 - the predecessor's own example, to the letter
