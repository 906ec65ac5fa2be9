-- What `/v1/events` says, in the order in which it became durable: a row for each row that it is about, written with it in the
-- same transaction. So nothing that happened is missing after a crash, and an id means the same after a restart.
CREATE TABLE stream_events (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    source      TEXT    NOT NULL CHECK (source IN ('step', 'crossing', 'message', 'supply', 'feed', 'alarm')),
    about       TEXT    NOT NULL                -- JSON: the key of the row it is about; of an alarm the row as it was then
) STRICT;

CREATE TRIGGER stream_step AFTER INSERT ON transitions BEGIN
    INSERT INTO stream_events (source, about) VALUES ('step', json_array(NEW.transfer, NEW.role, NEW.seq));
END;

CREATE TRIGGER stream_crossing AFTER INSERT ON crossing_history BEGIN
    INSERT INTO stream_events (source, about)
    VALUES ('crossing', json_array(NEW.kind, NEW.subject, NEW.role, NEW.seq));
END;

CREATE TRIGGER stream_message AFTER INSERT ON relay_history BEGIN
    INSERT INTO stream_events (source, about) VALUES ('message', json_array(NEW.chain, NEW.height, NEW.log_index));
END;

CREATE TRIGGER stream_feed AFTER INSERT ON feed_events BEGIN
    INSERT INTO stream_events (source, about) VALUES ('feed', json_array(NEW.id));
END;

-- Statements are many; what is said is that one finds something else than the one before it.
CREATE TRIGGER stream_supply AFTER INSERT ON supply_statements
WHEN (CASE json_type(NEW.statement, '$.v1.finding') WHEN 'text' THEN json_extract(NEW.statement, '$.v1.finding')
      ELSE (SELECT key FROM json_each(NEW.statement, '$.v1.finding') LIMIT 1) END)
    IS NOT (SELECT CASE json_type(s.statement, '$.v1.finding') WHEN 'text' THEN json_extract(s.statement, '$.v1.finding')
            ELSE (SELECT key FROM json_each(s.statement, '$.v1.finding') LIMIT 1) END
            FROM supply_statements s WHERE s.peg = NEW.peg AND s.seq < NEW.seq ORDER BY s.seq DESC LIMIT 1)
BEGIN
    INSERT INTO stream_events (source, about) VALUES ('supply', json_array(NEW.peg, NEW.seq));
END;

CREATE TRIGGER stream_alarm AFTER INSERT ON alarms BEGIN
    INSERT INTO stream_events (source, about)
    VALUES ('alarm', json_object('id', NEW.id, 'rule', NEW.rule, 'subject', NEW.subject, 'text', NEW.text,
        'state', NEW.state, 'times', NEW.times, 'raised_at', NEW.raised_at, 'escalated_at', NEW.escalated_at,
        'acknowledged_at', NEW.acknowledged_at, 'acknowledged_by', NEW.acknowledged_by, 'note', NEW.note,
        'cleared_at', NEW.cleared_at));
END;

CREATE TRIGGER stream_alarm_changed AFTER UPDATE OF state ON alarms WHEN NEW.state <> OLD.state BEGIN
    INSERT INTO stream_events (source, about)
    VALUES ('alarm', json_object('id', NEW.id, 'rule', NEW.rule, 'subject', NEW.subject, 'text', NEW.text,
        'state', NEW.state, 'times', NEW.times, 'raised_at', NEW.raised_at, 'escalated_at', NEW.escalated_at,
        'acknowledged_at', NEW.acknowledged_at, 'acknowledged_by', NEW.acknowledged_by, 'note', NEW.note,
        'cleared_at', NEW.cleared_at));
END;

-- As many as a client can resume over.
CREATE TRIGGER stream_kept AFTER INSERT ON stream_events BEGIN
    DELETE FROM stream_events WHERE seq <= NEW.seq - 100000;
END;
