from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import StaticPool
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]


class UserCreate(BaseModel):
    email: str
    name: str | None = None


class UserUpdate(BaseModel):
    email: str | None = None
    name: str | None = None


class UserCRUD:
    def __init__(self, db: AsyncSession):
        self.db = db

    async def get(self, user_id: int):
        return await self.db.get(User, user_id)

    async def create(self, data: UserCreate):
        user = User(**data.model_dump())
        self.db.add(user)
        await self.db.commit()
        await self.db.refresh(user)
        return user

    async def update(self, user: User, data: UserUpdate):
        for key, value in data.model_dump().items():
            if value is not None:
                setattr(user, key, value)
        await self.db.commit()
        await self.db.refresh(user)
        return user

    async def delete(self, user: User):
        await self.db.delete(user)
        await self.db.commit()


engine = create_async_engine(
    "sqlite+aiosqlite://", poolclass=StaticPool
)
session_maker = async_sessionmaker(engine)


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with engine.begin() as connection:
        await connection.run_sync(
            Base.metadata.create_all
        )
    yield
    await engine.dispose()


async def get_users():
    async with session_maker() as session:
        yield UserCRUD(session)


app = FastAPI(lifespan=lifespan)


@app.post("/users", status_code=201)
async def create_user(
    data: UserCreate, users: UserCRUD = Depends(get_users)
):
    return await users.create(data)


@app.get("/users/{user_id}")
async def read_user(
    user_id: int, users: UserCRUD = Depends(get_users)
):
    user = await users.get(user_id)
    if user is None:
        raise HTTPException(404, "User not found")
    return user


@app.patch("/users/{user_id}")
async def update_user(
    user_id: int,
    data: UserUpdate,
    users: UserCRUD = Depends(get_users),
):
    user = await users.get(user_id)
    if user is None:
        raise HTTPException(404, "User not found")
    return await users.update(user, data)


@app.delete("/users/{user_id}", status_code=204)
async def delete_user(
    user_id: int, users: UserCRUD = Depends(get_users)
):
    user = await users.get(user_id)
    if user is None:
        raise HTTPException(404, "User not found")
    await users.delete(user)
