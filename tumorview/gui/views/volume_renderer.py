"""Draws the 3D scene with OpenGL into a picture, beside the window instead of inside it.

A QOpenGLWidget would make Qt compose the whole window with OpenGL: without a graphics card every repaint of a slice
then takes 60 ms instead of one (docs/decisions/0005-3d-beside-the-window.md). Here the scene is drawn on a
surface of its own and handed over as a QImage, only when something in it has changed.
"""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QMessageLogContext, QSize, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import (
    QGuiApplication,
    QImage,
    QMatrix4x4,
    QOffscreenSurface,
    QOpenGLContext,
    QOpenGLFunctions,
    QVector4D,
)
from PySide6.QtOpenGL import (
    QOpenGLBuffer,
    QOpenGLFramebufferObject,
    QOpenGLFramebufferObjectFormat,
    QOpenGLShader,
    QOpenGLShaderProgram,
    QOpenGLTexture,
    QOpenGLVertexArrayObject,
)
from shiboken6 import Shiboken

from tumorview.core.labels import Colour
from tumorview.core.surfaces import Surface
from tumorview.gui.views.volume_camera import Camera
from tumorview.gui.views.volume_shaders import MESH_FRAGMENT, MESH_VERTEX, PLANE_FRAGMENT, PLANE_VERTEX
from tumorview.gui.views.volume_values import NoOpenGLError, Scene, Sheet, Solid

log = logging.getLogger(__name__)

# OpenGL's numbers (the registry's names), the few that are used.
COLOR_BUFFER_BIT, DEPTH_BUFFER_BIT = 0x4000, 0x0100
TRIANGLES, TRIANGLE_FAN, LINE_LOOP = 0x0004, 0x0006, 0x0002
UNSIGNED_INT, FLOAT = 0x1405, 0x1406
DEPTH_TEST, CULL_FACE, BLEND, POLYGON_OFFSET_FILL = 0x0B71, 0x0B44, 0x0BE2, 0x8037
SRC_ALPHA, ONE_MINUS_SRC_ALPHA, ONE = 0x0302, 0x0303, 1
LESS, LEQUAL, GREATER = 0x0201, 0x0203, 0x0204
RENDERER_NAME, OUT_OF_MEMORY = 0x1F01, 0x0505

WITHOUT_OPENGL = frozenset(("offscreen", "minimal", "linuxfb", "vnc"))  # Qt platforms
SAMPLES = 4
GHOST = 0.3  # of a label's opacity where a slice hides it
FLOATS = 4  # bytes


class Renderer:
    """Draws scenes into pictures; raises NoOpenGLError where that is not possible. Used on the GUI thread."""

    def __init__(self) -> None:
        if QGuiApplication.platformName() in WITHOUT_OPENGL:
            raise NoOpenGLError("There is no OpenGL on this display.")
        with _qt_messages_logged():
            self._context = QOpenGLContext()
            self._surface = QOffscreenSurface()
            if not self._context.create():
                raise NoOpenGLError("There is no OpenGL on this display.")
            self._surface.setFormat(self._context.format())
            self._surface.create()
            if not self._surface.isValid() or not self._context.makeCurrent(self._surface):
                raise NoOpenGLError("OpenGL cannot draw on this display.")
        try:
            self._gl: QOpenGLFunctions = self._context.functions()
            self.description = str(self._gl.glGetString(RENDERER_NAME))
            self._mesh = _program(MESH_VERTEX, MESH_FRAGMENT, ("position", "normal"))
            self._plane = _program(PLANE_VERTEX, PLANE_FRAGMENT, ("position", "place"))
            self._arrays = QOpenGLVertexArrayObject()
            self._arrays.create()
        finally:
            self._context.doneCurrent()
        self._open = True
        self._target: QOpenGLFramebufferObject | None = None
        self._meshes: dict[Surface, _Mesh] = {}
        self._textures: dict[int, tuple[npt.NDArray[np.uint8], QOpenGLTexture]] = {}
        atexit.register(self.close)  # while Qt's graphics still stand
        log.info("3D view: %s", self.description)

    def draw(self, scene: Scene, camera: Camera, size: QSize, *, smooth: bool = True) -> QImage:
        """``scene`` as ``camera`` sees it, on black; ``size`` in device pixels, ``smooth`` with several samples each.

        Raises NoOpenGLError where the context was lost (a driver was restarted, a laptop changed its graphics card).
        """
        if not self._open or not self._context.makeCurrent(self._surface):
            raise NoOpenGLError("OpenGL stopped working on this display.")
        try:
            self._keep_only(scene)
            target = self._bound_target(size, SAMPLES if smooth else 0)
            self._draw(scene, camera, size)
            picture = target.toImage().convertToFormat(QImage.Format.Format_RGB32)
            target.release()
        finally:
            self._context.doneCurrent()
        return picture

    def rest(self) -> None:
        """Give back what the last scene needed: there is none to draw for a while."""
        if self._open and self._context.makeCurrent(self._surface):
            self._keep_only(Scene())
            self._target = None
            self._context.doneCurrent()

    def close(self) -> None:
        """Give everything back; the renderer is of no use afterwards."""
        if not self._open:
            return
        self._open = False
        atexit.unregister(self.close)
        if not Shiboken.isValid(self._context):
            return  # the interpreter is shutting down, and Qt was first
        if self._context.makeCurrent(self._surface):
            self._keep_only(Scene())
            self._target = None
            del self._mesh, self._plane, self._arrays  # they are freed where their context is current
            self._context.doneCurrent()
        self._surface.destroy()

    # -- drawing -----------------------------------------------------------------------------------------------

    def _bound_target(self, size: QSize, samples: int) -> QOpenGLFramebufferObject:
        wanted = QOpenGLFramebufferObjectFormat()
        wanted.setAttachment(QOpenGLFramebufferObject.Attachment.Depth)
        wanted.setSamples(samples)
        target = self._target
        if target is None or target.size() != size or (target.format().samples() > 0) != (samples > 0):
            self._target = None  # the old one's memory first
            self._target = target = QOpenGLFramebufferObject(size, wanted)
        if not target.isValid() or not target.bind():
            raise NoOpenGLError("The graphics memory is full.")
        return target

    def _draw(self, scene: Scene, camera: Camera, size: QSize) -> None:
        gl = self._gl
        gl.glViewport(0, 0, size.width(), size.height())
        gl.glClearColor(0.0, 0.0, 0.0, 1.0)
        gl.glDepthMask(True)
        gl.glClear(COLOR_BUFFER_BIT | DEPTH_BUFFER_BIT)
        gl.glEnable(DEPTH_TEST)
        gl.glBlendFuncSeparate(SRC_ALPHA, ONE_MINUS_SRC_ALPHA, ONE, ONE_MINUS_SRC_ALPHA)
        projection = camera.projection(size.width(), size.height())
        matrices = {"view": _matrix(camera.view()), "projection": _matrix(projection)}
        self._arrays.bind()
        self._draw_sheets(scene, matrices, max(1.0, min(size.width(), size.height()) / 500))
        self._draw_solids(scene, matrices)
        self._arrays.release()

    def _draw_sheets(self, scene: Scene, matrices: dict[str, QMatrix4x4], line_width: float) -> None:
        gl, program = self._gl, self._plane
        gl.glDisable(BLEND)
        gl.glDisable(CULL_FACE)
        gl.glDepthFunc(LEQUAL)
        gl.glLineWidth(line_width)
        program.bind()
        _set(program, matrices)
        for sheet in scene.sheets:
            buffer = _buffer(np.hstack([sheet.corners, [[0, 0], [1, 0], [1, 1], [0, 1]]]).astype(np.float32))
            program.setAttributeBuffer(0, FLOAT, 0, 3, 5 * FLOATS)
            program.setAttributeBuffer(1, FLOAT, 3 * FLOATS, 2, 5 * FLOATS)
            program.enableAttributeArray(0)
            program.enableAttributeArray(1)
            self._texture(sheet).bind()
            program.setUniformValue(program.uniformLocation("colour"), QVector4D(0, 0, 0, 0))
            gl.glDrawArrays(TRIANGLE_FAN, 0, 4)
            program.setUniformValue(program.uniformLocation("colour"), _rgba(sheet.outline, 1.0))
            gl.glDrawArrays(LINE_LOOP, 0, 4)
            buffer.destroy()
        program.release()

    def _draw_solids(self, scene: Scene, matrices: dict[str, QMatrix4x4]) -> None:
        gl, program = self._gl, self._mesh
        solids = [solid for solid in scene.solids if not solid.shell]
        shells = [solid for solid in scene.solids if solid.shell]
        gl.glEnable(BLEND)
        gl.glEnable(CULL_FACE)
        program.bind()
        _set(program, matrices)
        if scene.sheets:  # what a slice hides shows through faintly
            gl.glDepthMask(False)
            gl.glDepthFunc(GREATER)
            for solid in solids:
                self._draw_mesh(solid, solid.opacity * GHOST)
        gl.glDepthMask(True)
        gl.glDepthFunc(LESS)
        for solid in solids:
            self._draw_mesh(solid, solid.opacity)
        gl.glDepthMask(False)
        for shell in shells:
            self._draw_mesh(shell, shell.opacity)
        gl.glDepthMask(True)
        program.release()

    def _draw_mesh(self, solid: Solid, opacity: float) -> None:
        program = self._mesh
        mesh = self._meshes.get(solid.surface)
        if mesh is None:
            mesh = self._meshes[solid.surface] = _Mesh.of(solid.surface)
        program.setUniformValue(program.uniformLocation("colour"), _rgba(solid.colour, opacity))
        program.setUniformValue1f(program.uniformLocation("rim"), 1.0 if solid.shell else 0.0)
        mesh.vertices.bind()
        program.setAttributeBuffer(0, FLOAT, 0, 3, 6 * FLOATS)
        program.setAttributeBuffer(1, FLOAT, 3 * FLOATS, 3, 6 * FLOATS)
        program.enableAttributeArray(0)
        program.enableAttributeArray(1)
        mesh.triangles.bind()
        self._gl.glDrawElements(TRIANGLES, mesh.count, UNSIGNED_INT, Shiboken.VoidPtr(0))  # type: ignore[arg-type]  # an offset
        mesh.triangles.release()
        mesh.vertices.release()

    # -- what lies on the graphics card ------------------------------------------------------------------------

    def _texture(self, sheet: Sheet) -> QOpenGLTexture:
        kept = self._textures.get(id(sheet.pixels))
        if kept is not None:
            return kept[1]
        height, width = sheet.pixels.shape[:2]
        pixels = np.ascontiguousarray(sheet.pixels)
        picture = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        texture = QOpenGLTexture(picture, QOpenGLTexture.MipMapGeneration.DontGenerateMipMaps)
        texture.setMinMagFilters(QOpenGLTexture.Filter.Linear, QOpenGLTexture.Filter.Linear)
        texture.setWrapMode(QOpenGLTexture.WrapMode.ClampToEdge)
        self._textures[id(sheet.pixels)] = (sheet.pixels, texture)  # the array lives on, so its id stays its own
        return texture

    def _keep_only(self, scene: Scene) -> None:
        surfaces = {solid.surface for solid in scene.solids}
        for surface in [one for one in self._meshes if one not in surfaces]:
            self._meshes.pop(surface).destroy()
        pictures = {id(sheet.pixels) for sheet in scene.sheets}
        for key in [one for one in self._textures if one not in pictures]:
            self._textures.pop(key)[1].destroy()


@dataclass(frozen=True, eq=False)
class _Mesh:
    """A surface on the graphics card."""

    vertices: QOpenGLBuffer  # position and normal by turns
    triangles: QOpenGLBuffer
    count: int

    @classmethod
    def of(cls, surface: Surface) -> "_Mesh":
        vertices = _buffer(np.hstack([surface.vertices, surface.normals]).astype(np.float32))
        triangles = _buffer(surface.triangles, QOpenGLBuffer.Type.IndexBuffer)
        return cls(vertices, triangles, surface.triangles.size)

    def destroy(self) -> None:
        self.vertices.destroy()
        self.triangles.destroy()


def _buffer(
    values: npt.NDArray[np.generic], kind: QOpenGLBuffer.Type = QOpenGLBuffer.Type.VertexBuffer
) -> QOpenGLBuffer:
    """``values`` in a new buffer, which is bound."""
    buffer = QOpenGLBuffer(kind)
    buffer.create()
    buffer.bind()
    content = values.tobytes()
    buffer.allocate(content, len(content))
    return buffer


def _program(vertex: str, fragment: str, attributes: tuple[str, ...]) -> QOpenGLShaderProgram:
    program = QOpenGLShaderProgram()
    with _qt_messages_logged():  # Qt prints a compiler's complaints
        done = program.addShaderFromSourceCode(QOpenGLShader.ShaderTypeBit.Vertex, vertex)
        done = done and program.addShaderFromSourceCode(QOpenGLShader.ShaderTypeBit.Fragment, fragment)
        for location, name in enumerate(attributes):
            program.bindAttributeLocation(name, location)
        if not done or not program.link():
            log.warning("shader: %s", program.log())
            raise NoOpenGLError("This display's OpenGL is too old (version 2.0 is needed).")
    return program


def _set(program: QOpenGLShaderProgram, matrices: dict[str, QMatrix4x4]) -> None:
    for name, matrix in matrices.items():
        program.setUniformValue(program.uniformLocation(name), matrix)


def _matrix(values: npt.NDArray[np.float64]) -> QMatrix4x4:
    return QMatrix4x4(*values.ravel().tolist())


def _rgba(colour: Colour, opacity: float) -> QVector4D:
    red, green, blue = (part / 255 for part in colour)
    return QVector4D(red, green, blue, opacity)


@contextmanager
def _qt_messages_logged() -> Iterator[None]:
    """What Qt says meanwhile goes to the log: a display without OpenGL is no reason to print warnings."""

    def keep(_kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        log.info("Qt: %s", text)

    before = qInstallMessageHandler(keep)
    try:
        yield
    finally:
        qInstallMessageHandler(before)
