"""The base of what users write: settings, experiments and recipes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from unweave.options import NO_BOOLEAN, is_misread_boolean


class Strict(BaseModel):
    """A model that knows all of its fields, and does not take true and false for 1 and 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_boolean(cls, value: Any, field: ValidationInfo) -> Any:
        annotation = cls.model_fields[field.field_name or ""].annotation
        if is_misread_boolean(annotation, value):
            raise ValueError(NO_BOOLEAN)
        return value
