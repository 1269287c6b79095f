-- Whose rollback is on its way: they are claimed before all others.
CREATE INDEX promotions_going_back ON promotions (pipeline, application)
    WHERE json_extract(details, '$.kind.kind') = 'rollback' AND state IN ('waiting', 'proposed');
