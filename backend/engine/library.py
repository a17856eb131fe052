"""The models that the engine can serve: the files of a folder, and the demo model where nothing else speaks French."""

from __future__ import annotations

from pathlib import Path

from backend.engine.folder import DEMO_ID, Folder, ModelFile, demo_model
from backend.engine.gguf_cursor import NotGGUF
from backend.errors import BackendUnavailable, ModelNotFound


class Library:
    """Looks anew each time it is asked."""

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._folder = Folder(folder)
        self._demo: ModelFile | None = None

    def files(self) -> list[ModelFile]:
        """Never empty; the demo comes last. Raises BackendUnavailable where there are only damaged files: the demo in
        their place would hide that."""
        files = self._folder.files()
        if not files and self._folder.faults:
            raise BackendUnavailable(" ".join(self._folder.faults.values()) + " Replace or remove it.")
        chatting = [file for file in files if file.speaks]
        if any(file.may_speak_french for file in chatting) or any(file.id == DEMO_ID for file in files):
            return files
        return [*files, self._bundled()]

    def file(self, name: str) -> ModelFile:
        """The one of that id, which may be written with its suffix. Raises ModelNotFound."""
        wanted = without_suffix(name)
        for file in self.files():
            if file.id in (name, wanted):
                return file
        raise ModelNotFound(f"The embedded engine has no model {name[:100]!r}. GET /models lists those it has.")

    def default(self, wanted: str) -> ModelFile:
        """The wanted one where it is there, else the first that chats."""
        files = self.files()
        chatting = [file for file in files if file.speaks]
        return next((file for file in files if file.id == without_suffix(wanted)), (chatting or files)[0])

    def _bundled(self) -> ModelFile:
        if self._demo is None:
            try:
                self._demo = demo_model()
            except (OSError, NotGGUF) as fault:
                raise BackendUnavailable(
                    f"The bundled demo model is missing or damaged. Put a GGUF file into {self._path}."
                ) from fault
        return self._demo


def without_suffix(name: str) -> str:
    return name[:-5] if name.lower().endswith(".gguf") else name
