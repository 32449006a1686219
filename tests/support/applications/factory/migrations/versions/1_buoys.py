import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    op.create_table(
        "buoy",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("colour", sa.String(20), nullable=False),
    )


def downgrade():
    op.drop_table("buoy")
